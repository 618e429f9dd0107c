package main

import (
	"context"
	"errors"
	"io"
)

type latencies struct{}

var errStub = errors.New("stub")

func latencyPart(context.Context, *lab) (section, error)   { return section{}, errStub }
func memoryPart(context.Context, *lab) (section, error)    { return section{}, errStub }
func peersPart(context.Context, *lab) (section, error)     { return section{}, errStub }
func snapshotPart(context.Context, *lab) (section, error)  { return section{}, errStub }
func sizePart(context.Context, *lab) (section, error)      { return section{}, errStub }
func growthPart(context.Context, *lab) (section, error)    { return section{}, errStub }
func subscribePart(context.Context, *lab) (section, error) { return section{}, errStub }
func httpPart(context.Context, *lab) (section, error)      { return section{}, errStub }
func serveWorker(context.Context, task, io.Writer) error   { return errStub }
func bareWorker(context.Context, task, io.Writer) error    { return errStub }
