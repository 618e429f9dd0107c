package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

func main() {
	base, pass, out := os.Args[1], os.Args[2], os.Args[3]
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("disable-quic", true), chromedp.ExecPath("/usr/bin/chromium"))
	a, c := chromedp.NewExecAllocator(context.Background(), opts...)
	defer c()
	ctx, c2 := chromedp.NewContext(a)
	defer c2()
	chromedp.ListenTarget(ctx, func(ev any) {
		switch e := ev.(type) {
		case *log.EventEntryAdded:
			fmt.Println("CONSOLE", e.Entry.Level, e.Entry.Text, e.Entry.URL)
		case *runtime.EventExceptionThrown:
			fmt.Println("EXC", e.ExceptionDetails.Text)
		}
	})
	ctx, c3 := context.WithTimeout(ctx, 120*time.Second)
	defer c3()
	run := func(as ...chromedp.Action) {
		if err := chromedp.Run(ctx, as...); err != nil {
			panic(err)
		}
	}
	run(log.Enable(), runtime.Enable(), chromedp.Navigate(base+"/admin"))
	var b []byte
	shot := func(name string) {
		run(chromedp.FullScreenshot(&b, 100))
		os.WriteFile(out+"/"+name+".png", b, 0o644)
	}
	shot("signin")
	run(chromedp.SendKeys("#username", "admin"), chromedp.SendKeys("#password", pass), chromedp.Click("#sign-in"), chromedp.WaitReady(".menu", chromedp.ByQuery))
	for _, l := range []string{"en", "ru"} {
		run(emulation.SetDeviceMetricsOverride(1280, 800, 1, false), chromedp.Navigate(base+"/admin"), chromedp.Click(`.languages button[value="`+l+`"]`, chromedp.ByQuery), chromedp.Sleep(300*time.Millisecond))
		for _, size := range [][2]int64{{1280, 800}, {390, 844}} {
			run(emulation.SetDeviceMetricsOverride(size[0], size[1], 1, size[0] < 500))
			for _, p := range os.Args[4:] {
				name, path, _ := strings.Cut(p, "=")
				run(chromedp.Navigate(base + path))
				var over int64
				run(chromedp.Evaluate(`document.documentElement.scrollWidth - window.innerWidth`, &over))
				if over > 0 {
					fmt.Println("OVERFLOW", name, size[0], over)
				}
				shot(fmt.Sprintf("%s-%s-%d", name, l, size[0]))
			}
		}
	}
}
