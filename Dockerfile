# syntax=docker/dockerfile:1
# An image with all programs, for Linux on amd64 or arm64:
#
#   docker build -t cinema-billing --build-arg VERSION=$(git describe --tags --always) .
#   docker run --rm cinema-billing billingctl --help
#
# It runs as uid 65532, needs no writable file system, and contains only the programs,
# CA certificates and time zones. The tags below move. For production, pin the base
# images by digest (tag@sha256:...); "docker buildx imagetools inspect" prints digests.

FROM --platform=$BUILDPLATFORM docker.io/library/golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=devel
ARG TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    GOOS=$TARGETOS GOARCH=$TARGETARCH make build VERSION="$VERSION"
# A new volume at /var/lib/billing gets the owner of this folder.
RUN mkdir /keys

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /src/bin/ /usr/local/bin/
COPY --from=build --chown=65532:65532 /keys/ /var/lib/billing/
USER 65532:65532
EXPOSE 8080 9090
CMD ["billing-api"]
