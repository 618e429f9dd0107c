package pspclient

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

func TestNew_Refused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Config){
		"no address":         func(c *Config) { c.BaseURL = "" },
		"not a URL":          func(c *Config) { c.BaseURL = "://" },
		"plain http":         func(c *Config) { c.BaseURL = "http://psp.example" },
		"another scheme":     func(c *Config) { c.BaseURL = "ftp://psp.example" },
		"slash at the end":   func(c *Config) { c.BaseURL = "https://psp.example/" },
		"user in the URL":    func(c *Config) { c.BaseURL = "https://" + secretKey + "@psp.example" },
		"query in the URL":   func(c *Config) { c.BaseURL = "https://psp.example?key=" + secretKey },
		"no timeout":         func(c *Config) { c.Timeout = 0 },
		"no slots":           func(c *Config) { c.MaxConcurrent = 0 },
		"no rate":            func(c *Config) { c.PerSecond = 0 },
		"no burst":           func(c *Config) { c.Burst = 0 },
		"no clock":           func(c *Config) { c.Now = nil },
		"loopback in a name": func(c *Config) { c.BaseURL = "http://127.0.0.1.psp.example" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config("https://psp.example")
			spoil(&cfg)
			_, err := New(cfg)
			if err == nil {
				t.Fatal("New returned no error")
			}
			expectNoSecret(t, err)
		})
	}
}

func TestNew_Accepted(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"https://psp.example", "https://psp.example/v3", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1"} {
		if _, err := New(config(base)); err != nil {
			t.Errorf("New with %s: %v", base, err)
		}
	}
}

func TestDo_TLS(t *testing.T) {
	t.Parallel()
	newServer := func(t *testing.T) *httptest.Server {
		s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		t.Cleanup(s.Close)
		return s
	}
	t.Run("the certificate is trusted", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		cfg := config(s.URL)
		cfg.RootCAs = poolOf(s)
		if resp, err := do(t, newClient(t, cfg)); err != nil || resp.Status != http.StatusOK {
			t.Errorf("Do = %+v, %v; want status 200", resp, err)
		}
	})
	t.Run("the certificate is not trusted", func(t *testing.T) {
		t.Parallel()
		_, err := do(t, newClient(t, config(newServer(t).URL)))
		expectNotSent(t, err)
	})
	t.Run("the server allows TLS 1.1 at most", func(t *testing.T) {
		t.Parallel()
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		s.TLS = oldTLS()
		s.StartTLS()
		t.Cleanup(s.Close)
		cfg := config(s.URL)
		cfg.RootCAs = poolOf(s)
		_, err := do(t, newClient(t, cfg))
		expectNotSent(t, err)
	})
}

// The environment is not read: a test cannot set it in parallel, so this test looks at
// the transport.
func TestNew_Proxy(t *testing.T) {
	t.Parallel()
	if newClient(t, config("https://psp.example")).transport.Proxy != nil {
		t.Error("a client without a configured proxy has one")
	}
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Seen", r.URL.Host)
	})
	cfg := config("http://127.0.0.1:1")
	cfg.Proxy, _ = url.Parse(proxy.URL)
	resp, err := do(t, newClient(t, cfg))
	if err != nil || resp.Header.Get("Seen") != "127.0.0.1:1" {
		t.Errorf("Do = %+v, %v; want the response of the proxy", resp, err)
	}
}
