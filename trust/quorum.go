package trust

import (
	"fmt"
	"strings"
	"time"
)

// quorum asks that enough distinct keys made a statement that counts. fits
// tells why a statement is not the one that is wanted, or "".
func (c *weighing) quorum(rule string, d *document, q quorum, fits func(Statement) string) {
	var count, short []string
	for _, id := range q.Keys {
		name := d.Keys[id].Name
		why, end := c.weigh(d, id, fits)
		if why != "" {
			short = append(short, name+" ("+why+")")
			continue
		}
		count = append(count, name)
		c.ends(end)
	}
	text := fmt.Sprintf("%d of %d keys", len(count), q.Threshold)
	if len(count) > 0 {
		text += ": " + strings.Join(count, ", ")
	}
	if len(short) > 0 {
		text += "; not counted: " + strings.Join(short, ", ")
	}
	c.outcome(rule, len(count) >= q.Threshold, "%s", text)
}

// silent is why nothing counts of a key that said nothing of the kind.
const silent = "it said nothing of the kind"

// weigh looks among what a key said for what counts. It returns "" and until
// when that will count, zero for ever; or why nothing does, of what came
// nearest.
func (c *weighing) weigh(d *document, id KeyID, fits func(Statement) string) (why string, until time.Time) {
	why = silent
	nearest := false
	for _, st := range c.have {
		if st.Key != id {
			continue
		}
		if unfit := fits(st); unfit != "" {
			if !nearest && unfit != silent {
				why = unfit
			}
			continue
		}
		against, end := c.standing(d.Keys[id], st)
		if against == "" {
			return "", end
		}
		why, nearest = against, true
	}
	return why, time.Time{}
}

// standing returns why a statement of a key counts for nothing, or "" and until
// when it counts.
//
// Only the log of the subject's own namespace is heard on when something was
// said: another one may be written by whoever has stolen the key.
func (c *weighing) standing(k documentKey, st Statement) (against string, until time.Time) {
	namespace, at := "", c.now
	if st.Logged && st.Namespace == c.subject.namespace() {
		namespace, at = st.Namespace, st.Time
	}
	for _, r := range c.revoked {
		if why := r.against(st, namespace); why != "" {
			return why, time.Time{}
		}
	}
	switch {
	case k.NotAfter.IsZero():
		return "", time.Time{}
	case at.Before(k.NotAfter.Time) && namespace != "":
		return "", time.Time{}
	case at.Before(k.NotAfter.Time):
		return "", k.NotAfter.Time
	case namespace != "":
		return fmt.Sprintf("its key ended at %s, and this was logged at %s", k.NotAfter, instant{at}), time.Time{}
	}
	return fmt.Sprintf("its key ended at %s, and what it said is not in the log of %s", k.NotAfter, c.subject.namespace()), time.Time{}
}
