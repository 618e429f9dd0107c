package operators

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/online-cinema/billing/core/ports"
)

// DeviceMax is the time for which a device stays known after a sign-in.
const DeviceMax = 90 * 24 * time.Hour

// A device token proves that a browser signed in to an account before. It
// consists of the time of that sign-in, a random id of the device, and a MAC over
// both. The key of the MAC is derived from the hash of the password, so that a new
// password makes all devices unknown and the server stores nothing.
const (
	deviceTimeSize = 8
	deviceIDSize   = 16
	deviceDataSize = deviceTimeSize + deviceIDSize
)

// newDeviceToken returns a token for a new device of the user.
func newDeviceToken(u ports.PanelUser, now time.Time) string {
	data := make([]byte, deviceDataSize)
	binary.BigEndian.PutUint64(data, uint64(now.Unix())) //nolint:gosec // after 1970
	_, _ = rand.Read(data[deviceTimeSize:])              // never fails
	return base64.RawURLEncoding.EncodeToString(append(data, deviceMAC(u, data)...))
}

// deviceOf returns the id of the device whose token this is, or "" if the token is
// expired or not of this user.
func deviceOf(u ports.PanelUser, token string, now time.Time) string {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != deviceDataSize+sha256.Size {
		return ""
	}
	data, mac := raw[:deviceDataSize], raw[deviceDataSize:]
	known := hmac.Equal(mac, deviceMAC(u, data)) && u.ID != ""
	age := now.Sub(time.Unix(int64(binary.BigEndian.Uint64(data)), 0)) //nolint:gosec // the MAC covers it
	if !known || age < -time.Minute || age > DeviceMax {
		return ""
	}
	return string(data[deviceTimeSize:])
}

func deviceMAC(u ports.PanelUser, data []byte) []byte {
	mac := hmac.New(sha256.New, []byte("panel device "+u.ID+" "+u.PasswordHash.Reveal()))
	mac.Write(data)
	return mac.Sum(nil)
}
