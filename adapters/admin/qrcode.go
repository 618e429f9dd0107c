package admin

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// qrCode is a QR code as a drawing. One unit is one module of the code.
type qrCode struct {
	Size int    // of a side, with the quiet zone
	Path string // of the black modules, for SVG
}

// quietZone is the white border that scanners need, in modules.
const quietZone = 4

func newQRCode(text string) (qrCode, error) {
	c, err := qr.Encode(text, qr.M)
	if err != nil {
		return qrCode{}, fmt.Errorf("draw a QR code of %d bytes: %w", len(text), err)
	}
	var path strings.Builder
	for y := range c.Size {
		for x := 0; x < c.Size; x++ {
			from := x
			for c.Black(x, y) {
				x++
			}
			if n := x - from; n > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from+quietZone, y+quietZone, n, n)
			}
		}
	}
	return qrCode{c.Size + 2*quietZone, path.String()}, nil
}
