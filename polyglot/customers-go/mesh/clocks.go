package mesh

import (
	"log/slog"
	"math"
	"strings"
	"sync"
	"time"
)

const (
	relearn     = 5 * time.Second
	enough      = 3
	mostCallers = 1000
)

// ages has the least apparent age of a caller's requests: in this span, and in this and the one before.
type ages struct {
	least, leastOfBoth time.Duration
	since              time.Time
	count              int
	warned             bool
}

// clocks measures how long requests were on their way, though callers' clocks differ from ours (W-DDL-4, W-DDL-5).
//
// The apparent age of a request is its true age plus the difference of the clocks. The youngest one of late has hardly
// waited, so its apparent age is that difference.
type clocks struct {
	mu      sync.Mutex
	callers map[string]*ages
}

// waited compares the request with others of its caller, and with others of its caller to its subject. The lesser
// wait counts, since another process may have sent one in the caller's name.
func (c *clocks) waited(reply, subject string, sent, now time.Time) time.Duration {
	caller := reply[:max(strings.LastIndexByte(reply, '.'), 0)]
	age := now.Sub(sent)
	c.mu.Lock()
	defer c.mu.Unlock()
	return min(c.older(caller, age, now), c.older(caller+" "+subject, age, now))
}

func (c *clocks) older(caller string, age time.Duration, now time.Time) time.Duration {
	known := c.callers[caller]
	if known == nil {
		c.forgetOne()
		c.callers[caller] = &ages{age, age, now, 1, strings.Contains(caller, " ")} // one warning is enough
		return 0
	}
	if now.Sub(known.since) >= relearn && known.count >= enough {
		if math.Abs(known.least.Seconds()) > 1 && !known.warned {
			known.warned = true
			slog.Warn("clocks_differ", "caller", caller, "seconds", known.least.Seconds())
		}
		known.leastOfBoth = min(age, known.least)
		known.least, known.since, known.count = age, now, 1
	} else {
		known.count++
		known.least = min(age, known.least)
		known.leastOfBoth = min(known.least, known.leastOfBoth)
	}
	return age - known.leastOfBoth
}

func (c *clocks) forgetOne() {
	if len(c.callers) < mostCallers {
		return
	}
	for any := range c.callers {
		delete(c.callers, any)
		return
	}
}
