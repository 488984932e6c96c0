//! The drawing as SVG: one file without scripts, in the reader's colours.
//!
//! Effects differ by colour, by picture, by border and by a word, so nobody depends on one of them. Every step is
//! a group with a `<title>`, which browsers show on hover and screen readers read.

use std::fmt::Write;

use super::chart::{Chart, EdgeKind, Kind};
use super::icon;
use super::layout::{Arrow, Class, Layout, PADDING, Placed, Text, has_icon};

/// Around everything.
const MARGIN: f64 = 20.0;
/// Height of the line that explains the pictures.
const LEGEND: f64 = 34.0;
/// What the legend explains.
const EFFECTS: [(Kind, &str); 5] = [
    (Kind::Enrichment, "enrichment: reads"),
    (Kind::Containment, "containment: changes"),
    (Kind::Notification, "notification: sends"),
    (Kind::Internal, "internal: own mail only"),
    (Kind::Person, "waits for a person"),
];

const STYLE: &str = "\
svg{background:#ffffff}\
.paper{fill:#ffffff}\
text{fill:#1c2430;font-family:Helvetica,Arial,'Liberation Sans',sans-serif;font-size:11px}\
.t{font-size:13px;font-weight:bold}\
.c,.i{font-family:'DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,monospace}\
.i{font-style:italic}\
.n{fill:#4a5567}\
.box{fill:#f4f6f9;stroke:#8a95a6;stroke-width:1.2}\
.frame{fill:#8a95a6;fill-opacity:.07;stroke:#8a95a6;stroke-width:1.2}\
.lane>.frame{fill-opacity:.05;stroke-dasharray:2 3}\
.optional>.box{stroke-dasharray:6 3}\
.enrichment>.box{fill:#e8f1fd;stroke:#2f6fc4}\
.containment>.box{fill:#fdeaea;stroke:#c0282d;stroke-width:2.6}\
.notification>.box{fill:#fdf3e0;stroke:#a96a00}\
.internal>.box{fill:#e9f6ec;stroke:#2c7d45}\
.person>.box{fill:#f3ecfc;stroke:#7440b8;stroke-width:2}\
.return>.box,.end>.box,.start>.box{fill:#ffffff;stroke:#4a5567;stroke-width:1.6}\
.fail>.box{fill:#ffffff;stroke:#c0282d;stroke-width:1.6}\
.icon{fill:none;stroke:#4a5567;stroke-width:1.5;stroke-linecap:round;stroke-linejoin:round}\
.enrichment>.icon{stroke:#2f6fc4}.containment>.icon{stroke:#c0282d}.notification>.icon{stroke:#a96a00}\
.internal>.icon{stroke:#2c7d45}.person>.icon{stroke:#7440b8}.fail>.icon{stroke:#c0282d}\
.edge{fill:none;stroke:#5d6878;stroke-width:1.4}\
.failure{stroke:#c0282d;stroke-dasharray:6 4}.always{stroke-dasharray:2 3}\
.head{fill:#5d6878}.head.failure{fill:#c0282d;stroke:none}\
@media (prefers-color-scheme:dark){\
svg{background:#14181f}.paper{fill:#14181f}text{fill:#e6eaf0}.n{fill:#aab4c3}\
.box{fill:#222934;stroke:#75829a}.frame{fill:#75829a;stroke:#75829a}\
.enrichment>.box{fill:#16283f;stroke:#6ba4ee}.containment>.box{fill:#3b1a1c;stroke:#f0686c}\
.notification>.box{fill:#362912;stroke:#e0a53c}.internal>.box{fill:#15301d;stroke:#62bd7e}\
.person>.box{fill:#2a1f3d;stroke:#b28cec}\
.return>.box,.end>.box,.start>.box{fill:#14181f;stroke:#aab4c3}.fail>.box{fill:#14181f;stroke:#f0686c}\
.icon{stroke:#aab4c3}.enrichment>.icon{stroke:#6ba4ee}.containment>.icon{stroke:#f0686c}\
.notification>.icon{stroke:#e0a53c}.internal>.icon{stroke:#62bd7e}.person>.icon{stroke:#b28cec}\
.fail>.icon{stroke:#f0686c}.edge{stroke:#94a0b3}.failure{stroke:#f0686c}.head{fill:#94a0b3}\
.head.failure{fill:#f0686c}}";

/// The whole file.
pub(crate) fn write(chart: &Chart) -> String {
    let layout = Layout::of(chart);
    let legend = legend_width();
    let width = layout.size.width.max(legend) + 2.0 * MARGIN;
    let height = layout.size.height + 2.0 * MARGIN + LEGEND;
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-labelledby=\"title\" width=\"{width:.0}\" \
         height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\">\n<title id=\"title\">{}</title>\n\
         <style>{STYLE}</style>\n<rect class=\"paper\" width=\"{width:.0}\" height=\"{height:.0}\"/>\n",
        escape(&chart.title)
    );
    let left = MARGIN + (width - 2.0 * MARGIN - layout.size.width) / 2.0;
    let _ = writeln!(out, "<g transform=\"translate({left:.1} {MARGIN:.1})\">");
    arrows(&mut out, &layout.arrows);
    layout.boxes.iter().for_each(|placed| shape(&mut out, placed));
    out.push_str("</g>\n");
    explain(&mut out, height - MARGIN);
    out.push_str("</svg>\n");
    out
}

fn shape(out: &mut String, placed: &Placed<'_>) {
    let item = placed.item;
    let optional = if item.optional { " optional" } else { "" };
    let _ = write!(out, "<g class=\"{}{optional}\"", item.kind.word());
    if let Some(step) = &item.step {
        let _ = write!(out, " data-step=\"{}\"", escape(step));
    }
    let _ = write!(out, "><title>{}</title>", escape(&item.about));
    let ((x, y), (w, h)) = (placed.at, (placed.size.width, placed.size.height));
    let class = if item.inside.is_some() { "frame" } else { "box" };
    let radius = match item.kind {
        Kind::Start | Kind::End | Kind::Return | Kind::Fail => (h / 2.0).min(18.0),
        Kind::Compute | Kind::Containment => 2.0,
        _ => 7.0,
    };
    let _ = write!(
        out,
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" rx=\"{radius:.0}\"/>"
    );
    if has_icon(item.kind) {
        let left = placed.text.first().map_or(x + PADDING, |text| text.at.0 - super::layout::ICON);
        icon::draw(out, item.kind, (left, y + PADDING));
    }
    placed.text.iter().for_each(|line| text(out, line));
    out.push('\n');
    if let Some((points, words)) = &placed.back {
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        let _ = writeln!(out, "<path class=\"edge\" d=\"M{}\"/>", path.join(" L"));
        if let Some(&tip) = points.last() {
            head(out, tip, "");
        }
        text(out, words);
    }
    arrows(out, &placed.arrows);
    placed.boxes.iter().for_each(|inner| shape(out, inner));
    out.push_str("</g>\n");
}

fn arrows(out: &mut String, arrows: &[Arrow]) {
    for arrow in arrows {
        let class = match arrow.kind {
            EdgeKind::Flow => "",
            EdgeKind::Failure => " failure",
            EdgeKind::Always => " always",
        };
        let mut path = String::new();
        let mut before: Option<(f64, f64)> = None;
        for &(x, from, to) in &arrow.stops {
            match before {
                None => {
                    let _ = write!(path, "M{x:.1} {from:.1}");
                }
                Some((px, py)) if (px - x).abs() < 0.5 => {
                    let _ = write!(path, "L{x:.1} {from:.1}");
                    let _ = py;
                }
                Some((px, py)) => {
                    let middle = (py + from) / 2.0;
                    let _ = write!(path, "C{px:.1} {middle:.1} {x:.1} {middle:.1} {x:.1} {from:.1}");
                }
            }
            if to > from {
                let _ = write!(path, "L{x:.1} {to:.1}");
            }
            before = Some((x, to));
        }
        let _ = writeln!(out, "<path class=\"edge{class}\" d=\"{path}\"/>");
        if let Some(&(x, y, _)) = arrow.stops.last() {
            head(out, (x, y), class);
        }
        if let (Some(first), Some(last)) = (arrow.label.first(), arrow.label.last()) {
            let width =
                arrow.label.iter().map(|line| Class::Note.face().width(&line.text)).fold(0.0, f64::max);
            let left = arrow.label.iter().map(|line| line.at.0).fold(f64::INFINITY, f64::min);
            let _ = write!(
                out,
                "<rect class=\"paper\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"3\"/>",
                left - 3.0,
                first.at.1 - 11.0,
                width + 6.0,
                last.at.1 - first.at.1 + 15.0
            );
        }
        arrow.label.iter().for_each(|line| text(out, line));
        if !arrow.label.is_empty() {
            out.push('\n');
        }
    }
}

/// The tip of an arrow that points down.
fn head(out: &mut String, (x, y): (f64, f64), class: &str) {
    let _ = writeln!(
        out,
        "<path class=\"head{class}\" d=\"M{x:.1} {y:.1}L{:.1} {:.1}L{:.1} {:.1}Z\"/>",
        x - 4.0,
        y - 7.0,
        x + 4.0,
        y - 7.0
    );
}

fn text(out: &mut String, text: &Text) {
    let class = match text.class {
        Class::Title => "t",
        Class::Note => "n",
        Class::Code => "c",
        Class::Condition => "i",
    };
    let ((x, y), words) = (text.at, escape(&text.text));
    let _ = write!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>");
}

fn legend_width() -> f64 {
    EFFECTS.iter().map(|(_, words)| Class::Note.face().width(words) + 42.0).sum()
}

fn explain(out: &mut String, bottom: f64) {
    let mut x = MARGIN;
    for (kind, words) in EFFECTS {
        let _ = write!(out, "<g class=\"{}\">", kind.word());
        icon::draw(out, kind, (x, bottom - 13.0));
        text(out, &Text { at: (x + 20.0, bottom - 2.0), class: Class::Note, text: words.to_owned() });
        out.push_str("</g>\n");
        x += Class::Note.face().width(words) + 42.0;
    }
}

/// Text that cannot leave its element or attribute, and only characters that XML allows.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}
