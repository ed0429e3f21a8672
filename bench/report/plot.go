package report

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// A plot is a row of two panels for each workload that is plotted: its first metric and its second, against the case. Both axes are
// logarithmic, since what is compared are ratios.
const (
	panelWidth, panelHeight          = 420.0, 230.0
	marginLeft, marginRight          = 64.0, 32.0
	marginTop, marginBottom          = 34.0, 40.0
	legendHeight, charWidth, padding = 34.0, 7.2, 34.0
)

// colours tell subjects apart, for the colour-blind too (Okabe and Ito).
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#555555", "#e69f00"}

// plots are the workloads that are plotted.
func (r *Report) plots() (plotted []*Workload) {
	for i := range r.Workloads {
		if w := &r.Workloads[i]; w.Plotted && len(w.Points) > 0 {
			plotted = append(plotted, w)
		}
	}
	return plotted
}

// Plot is the report's plotted workloads as SVG.
func (r *Report) Plot() string {
	plotted := r.plots()
	var names []string
	for _, w := range plotted {
		for _, name := range w.subjects() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	width, height := 2*panelWidth, legendHeight+panelHeight*float64(len(plotted))
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="sans-serif" font-size="12">`+"\n", width, height)
	out.WriteString(`<rect width="100%" height="100%" fill="white"/>` + "\n")
	legend(&out, names)
	for row, w := range plotted {
		for column, metric := range w.Metrics[:min(2, len(w.Metrics))] {
			p := newPanel(w, metric.Name, panelWidth*float64(column), legendHeight+panelHeight*float64(row))
			p.draw(&out, names)
		}
	}
	out.WriteString("</svg>\n")
	return out.String()
}

func legend(out *strings.Builder, names []string) {
	x := marginLeft
	for i, name := range names {
		fmt.Fprintf(out, `<circle cx="%.0f" cy="18" r="5" fill="%s"/><text x="%.0f" y="22">%s</text>`+"\n",
			x, colours[i%len(colours)], x+10, html.EscapeString(name))
		x += charWidth*float64(len(name)) + padding
	}
}

// panel is one metric of one workload.
type panel struct {
	workload    *Workload
	metric      string
	left, top   float64
	cases       []string
	least, most float64 // of the values, rounded outwards to powers of ten
}

func newPanel(w *Workload, metric string, left, top float64) *panel {
	p := &panel{workload: w, metric: metric, left: left, top: top, cases: w.cases(), least: math.Inf(1), most: math.Inf(-1)}
	for _, subject := range w.subjects() {
		for _, c := range p.cases {
			if v := w.Spread(subject, c, metric).Median; v > 0 {
				p.least, p.most = min(p.least, v), max(p.most, v)
			}
		}
	}
	if p.most < p.least { // all are zero, or there are none
		p.least, p.most = 1, 10
	}
	p.least, p.most = math.Pow(10, math.Floor(math.Log10(p.least))), math.Pow(10, math.Ceil(math.Log10(p.most)))
	if p.least == p.most {
		p.most *= 10
	}
	return p
}

// x is where a case stands: by its logarithm if all are numbers, else one after the other.
func (p *panel) x(i int) float64 {
	share := 0.5
	first, ok := number(p.cases[0])
	last, okLast := number(p.cases[len(p.cases)-1])
	v, okCase := number(p.cases[i])
	switch {
	case len(p.cases) == 1:
	case ok && okLast && okCase && first > 0:
		share = math.Log(v/first) / math.Log(last/first)
	default:
		share = float64(i) / float64(len(p.cases)-1)
	}
	return p.left + marginLeft + 12 + share*(panelWidth-marginLeft-marginRight-24)
}

func (p *panel) y(v float64) float64 {
	share := math.Log(v/p.least) / math.Log(p.most/p.least)
	return p.top + panelHeight - marginBottom - share*(panelHeight-marginTop-marginBottom)
}

func (p *panel) draw(out *strings.Builder, names []string) {
	fmt.Fprintf(out, `<text x="%.1f" y="%.1f" font-weight="bold">%s: %s</text>`+"\n",
		p.left+marginLeft, p.top+marginTop-12, html.EscapeString(p.workload.Name), html.EscapeString(p.metric))
	for v := p.least; v <= p.most*1.001; v *= 10 {
		fmt.Fprintf(out, `<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="#dddddd"/><text x="%.1f" y="%.1f" text-anchor="end">%s</text>`+"\n",
			p.left+marginLeft, p.left+panelWidth-marginRight, p.y(v), p.y(v), p.left+marginLeft-6, p.y(v)+4, tick(v))
	}
	bottom := p.top + panelHeight - marginBottom
	for i, c := range p.cases {
		fmt.Fprintf(out, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n", p.x(i), bottom+17, html.EscapeString(label(c)))
	}
	fmt.Fprintf(out, `<text x="%.1f" y="%.1f" text-anchor="middle" fill="#555555">%s</text>`+"\n",
		p.left+marginLeft+(panelWidth-marginLeft-marginRight)/2, bottom+33, html.EscapeString(p.workload.Case))
	for i, name := range names {
		p.line(out, name, colours[i%len(colours)])
	}
}

// line is one subject's medians.
func (p *panel) line(out *strings.Builder, subject, colour string) {
	var points []string
	for i, c := range p.cases {
		if v := p.workload.Spread(subject, c, p.metric).Median; v > 0 {
			points = append(points, fmt.Sprintf("%.1f,%.1f", p.x(i), p.y(v)))
			fmt.Fprintf(out, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", p.x(i), p.y(v), colour)
		}
	}
	fmt.Fprintf(out, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), colour)
}

// tick is a power of ten as people read it.
func tick(v float64) string {
	if v < 1000 {
		return fmt.Sprintf("%g", v)
	}
	return format(v)
}
