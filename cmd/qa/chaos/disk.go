package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// disks returns the scenario with a full disk.
func disks() []scenario {
	return []scenario{{
		name: "database/full disk", short: 1, long: 3,
		description: "the disk of Postgres is full for a while: requests are refused, no change is half done, and the service recovers automatically",
		skip:        noMount,
		run:         fullDisk,
	}}
}

// noMount returns why this process cannot mount a small disk, or "" if it can.
func noMount() string {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return "a small disk needs root on Linux"
	}
	dir, err := os.MkdirTemp("", "billing-chaos-mount-")
	if err != nil {
		return err.Error()
	}
	defer func() { _ = os.Remove(dir) }()
	if err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "none", dir).Run(); err != nil {
		return "root may not mount file systems here"
	}
	_ = exec.Command("umount", dir).Run()
	return ""
}

func fullDisk(t *trial) {
	disk, err := os.MkdirTemp("", "billing-chaos-disk-")
	t.require("disk", err)
	t.require("disk", exec.Command("mount", "-t", "tmpfs", "-o", "size=300m,mode=0711", "none", disk).Run())
	t.atEnd(func() {
		_ = exec.Command("umount", "-l", disk).Run()
		_ = os.Remove(disk)
	})
	s, err := startServer(t.ctx, disk, false)
	t.require("postgres", err)
	t.atEnd(s.stop)
	t.require("template", t.makeTemplate(t.ctx, s))
	w, _ := t.dueWorldOn(s, 30, "tok_ok")
	a := w.api(slowCharges)
	b := w.busy(slowCharges)
	w.sleep(300 * time.Millisecond)
	ballast := filepath.Join(disk, "ballast")
	w.note("the disk is full: %v", fill(ballast))
	tries := 0
	refused := waitFor(maxWait/4, func() bool {
		tries++
		v := w.viewer(fmt.Sprint("unlucky-", tries))
		got, err := v.send(w.ctx, a, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_ok~"+v.name))
		if err != nil || got.status != http.StatusCreated && got.status != http.StatusAccepted && got.status != http.StatusServiceUnavailable {
			w.violated("while the disk is full, a viewer got %v, error %v", got, err)
			return true
		}
		return got.status == http.StatusServiceUnavailable
	})
	if !refused {
		t.noFault("none of %d requests was refused, although the disk is full", tries)
	}
	w.note("the API refuses requests after %d", tries)
	w.sleep(time.Duration(500+t.rng("disk").IntN(1500)) * time.Millisecond)
	t.require("disk", os.Remove(ballast))
	w.note("the disk has free space again")
	if !waitFor(maxWait, func() bool { return w.queryInt(`SELECT 1`) == 1 }) {
		w.note("Postgres does not recover and is restarted")
		_ = s.instance.Close()
		t.require("postgres", s.start(t.ctx))
	}
	b.finish()
	w.count("full disks", 1)
	w.check()
}

// fill writes to path until the disk is full, and returns the error of the last write.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	block := make([]byte, 64<<10)
	for {
		if _, err := f.Write(block); err != nil {
			return err
		}
	}
}
