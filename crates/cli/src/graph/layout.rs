//! From a drawing without a form to boxes with places: text is wrapped, frames are laid out from the inside out.

use super::chart::{Chart, Edge, EdgeKind, Inside, Item, Kind, Line, LineStyle};
use super::layered::{self, Link, Point, Size};
use super::metrics::{self, Face};

/// Between a box's border and its text.
pub(super) const PADDING: f64 = 9.0;
/// Room for the picture left of a title.
pub(super) const ICON: f64 = 20.0;
/// Between a frame and what stands in it.
const FRAME: f64 = 16.0;
/// Room left of a loop's steps, and below them, for the arrow back.
const BACK: f64 = 24.0;
/// The widest text of a box.
const TEXT: f64 = 230.0;
/// The widest words on an arrow.
const LABEL: f64 = 150.0;

/// A drawing with places.
#[derive(Debug)]
pub(crate) struct Layout<'a> {
    pub(crate) size: Size,
    pub(crate) boxes: Vec<Placed<'a>>,
    pub(crate) arrows: Vec<Arrow>,
}

/// A box with its place.
#[derive(Debug)]
pub(crate) struct Placed<'a> {
    pub(crate) item: &'a Item,
    pub(crate) at: Point,
    pub(crate) size: Size,
    pub(crate) text: Vec<Text>,
    pub(crate) boxes: Vec<Placed<'a>>,
    pub(crate) arrows: Vec<Arrow>,
    /// From the end of a loop back to its beginning: the points, and the words beside the line.
    pub(crate) back: Option<(Vec<Point>, Text)>,
}

/// A line of text; `at` is where its baseline begins.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) at: Point,
    pub(crate) class: Class,
    pub(crate) text: String,
}

/// How a text is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Title,
    Note,
    Code,
    Condition,
}

impl Class {
    /// The face it is set in.
    pub(crate) const fn face(self) -> Face {
        match self {
            Class::Title => metrics::TITLE,
            Class::Note => metrics::NOTE,
            Class::Code | Class::Condition => metrics::CODE,
        }
    }
}

/// An arrow with its places.
#[derive(Debug, Clone)]
pub(crate) struct Arrow {
    pub(crate) kind: EdgeKind,
    /// Where it runs straight down: x, from, to.
    pub(crate) stops: Vec<(f64, f64, f64)>,
    pub(crate) label: Vec<Text>,
}

impl<'a> Layout<'a> {
    /// Places everything.
    pub(crate) fn of(chart: &'a Chart) -> Layout<'a> {
        let (size, boxes, arrows) = block(&chart.inside);
        Layout { size, boxes, arrows }
    }
}

type Block<'a> = (Size, Vec<Placed<'a>>, Vec<Arrow>);

/// Lays the boxes of a block out, from the origin.
fn block(inside: &Inside) -> Block<'_> {
    let mut boxes: Vec<Placed<'_>> = inside.items.iter().map(placed).collect();
    let sizes: Vec<Size> = boxes.iter().map(|placed| placed.size).collect();
    let labels: Vec<Vec<String>> = inside.edges.iter().map(words).collect();
    let links: Vec<Link> = inside
        .edges
        .iter()
        .zip(&labels)
        .map(|(edge, label)| Link { from: edge.from, to: edge.to, label: label_size(label) })
        .collect();
    let placement = layered::place(&sizes, &links);
    for (placed, at) in boxes.iter_mut().zip(placement.boxes) {
        placed.shift(at);
    }
    let arrows = inside
        .edges
        .iter()
        .zip(labels)
        .zip(placement.routes)
        .map(|((edge, lines), way)| Arrow {
            kind: edge.kind,
            stops: way.stops,
            label: way.label.map(|at| label(&lines, at)).unwrap_or_default(),
        })
        .collect();
    (placement.size, boxes, arrows)
}

fn words(edge: &Edge) -> Vec<String> {
    metrics::NOTE.wrap(&edge.label, LABEL, 2)
}

fn label_size(lines: &[String]) -> Option<Size> {
    if lines.is_empty() {
        return None;
    }
    let face = metrics::NOTE;
    let width = lines.iter().map(|line| face.width(line)).fold(0.0, f64::max);
    Some(Size { width: width + 8.0, height: face.leading * lines.len() as f64 + 2.0 })
}

fn label(lines: &[String], (x, y): Point) -> Vec<Text> {
    let face = metrics::NOTE;
    let width = lines.iter().map(|line| face.width(line)).fold(0.0, f64::max);
    lines
        .iter()
        .enumerate()
        .map(|(index, line)| Text {
            at: (x + 4.0 + (width - face.width(line)) / 2.0, y + face.leading * (index as f64 + 0.8)),
            class: Class::Note,
            text: line.clone(),
        })
        .collect()
}

/// One box with its text and its inside, from the origin.
fn placed(item: &Item) -> Placed<'_> {
    match &item.inside {
        None => leaf(item),
        Some(inside) => frame(item, inside),
    }
}

fn leaf(item: &Item) -> Placed<'_> {
    let icon = if has_icon(item.kind) { ICON } else { 0.0 };
    let (text, size) = text(item, TEXT, icon);
    // A round end needs room beside the text.
    let round = matches!(item.kind, Kind::Start | Kind::End | Kind::Return | Kind::Fail);
    let side = if round { 8.0 } else { 0.0 };
    let width = size.width + 2.0 * (PADDING + side);
    let mut text = text;
    shift_text(&mut text, (PADDING + side, PADDING));
    Placed {
        item,
        at: (0.0, 0.0),
        size: Size { width, height: size.height + 2.0 * PADDING },
        text,
        boxes: Vec::new(),
        arrows: Vec::new(),
        back: None,
    }
}

fn frame<'a>(item: &'a Item, inside: &'a Inside) -> Placed<'a> {
    let (inner, mut boxes, mut arrows) = block(inside);
    let looped = inside.back.is_some() && !boxes.is_empty();
    let side = if looped { BACK } else { 0.0 };
    let content = inner.width + 2.0 * side;
    let icon = if has_icon(item.kind) { ICON } else { 0.0 };
    let (mut text, head) = text(item, (content - icon).clamp(TEXT, 2.0 * TEXT), icon);
    let width = content.max(head.width) + 2.0 * FRAME;
    let top = PADDING + head.height + FRAME * 0.75;
    shift_text(&mut text, (FRAME, PADDING));
    let shift = ((width - inner.width) / 2.0, top + if looped { 10.0 } else { 0.0 });
    boxes.iter_mut().for_each(|placed| placed.shift(shift));
    arrows.iter_mut().for_each(|arrow| arrow.shift(shift));
    let bottom = shift.1 + inner.height;
    let height = bottom + FRAME + if looped { BACK - 8.0 } else { 0.0 };
    let back = inside.back.filter(|_| looped).map(|words| back(words, &boxes, bottom, shift));
    Placed { item, at: (0.0, 0.0), size: Size { width, height }, text, boxes, arrows, back }
}

/// The arrow from below the last box, along the left side, to above the first.
fn back(words: &str, boxes: &[Placed<'_>], bottom: f64, (left, top): Point) -> (Vec<Point>, Text) {
    let middle = |placed: Option<&Placed<'_>>| placed.map_or(0.0, |p| p.at.0 + p.size.width / 2.0);
    let end = boxes.last().map_or(bottom, |last| last.at.1 + last.size.height);
    let (first, last) = (middle(boxes.first()), middle(boxes.last()));
    let (side, below, above) = (left - BACK + 6.0, bottom + 12.0, top - 9.0);
    let points = vec![(last, end), (last, below), (side, below), (side, above), (first, above), (first, top)];
    let text = Text { at: (side + 6.0, below - 4.0), class: Class::Note, text: words.to_owned() };
    // Where the words would lie over a box they stand below the line.
    let text = Text { at: (text.at.0, below + 11.0), ..text };
    (points, text)
}

/// The lines of a box from the origin, and how much room they take.
fn text(item: &Item, width: f64, icon: f64) -> (Vec<Text>, Size) {
    let mut out = Vec::new();
    let (mut y, mut widest) = (0.0, 0.0_f64);
    let mut add = |class: Class, text: &str, lines: usize, indent: f64| {
        let face = class.face();
        for line in face.wrap(text, width, lines) {
            widest = widest.max(indent + face.width(&line));
            out.push(Text { at: (indent, y + face.leading * 0.78), class, text: line });
            y += face.leading;
        }
    };
    add(Class::Title, &item.title, 2, icon);
    for Line { style, text } in &item.lines {
        let (class, lines) = match style {
            LineStyle::Condition => (Class::Condition, 3),
            LineStyle::Code => (Class::Code, 2),
            LineStyle::Note => (Class::Note, 2),
        };
        add(class, text, lines, icon);
    }
    (out, Size { width: widest, height: y })
}

/// Whether a picture stands left of the title.
pub(super) const fn has_icon(kind: Kind) -> bool {
    !matches!(kind, Kind::Start | Kind::End | Kind::Lane)
}

fn shift_text(text: &mut [Text], (x, y): Point) {
    for text in text {
        text.at.0 += x;
        text.at.1 += y;
    }
}

impl Placed<'_> {
    fn shift(&mut self, by: Point) {
        self.at.0 += by.0;
        self.at.1 += by.1;
        shift_text(&mut self.text, by);
        self.boxes.iter_mut().for_each(|placed| placed.shift(by));
        self.arrows.iter_mut().for_each(|arrow| arrow.shift(by));
        if let Some((points, text)) = &mut self.back {
            for point in points {
                point.0 += by.0;
                point.1 += by.1;
            }
            text.at.0 += by.0;
            text.at.1 += by.1;
        }
    }
}

impl Arrow {
    fn shift(&mut self, (x, y): Point) {
        for stop in &mut self.stops {
            *stop = (stop.0 + x, stop.1 + y, stop.2 + y);
        }
        shift_text(&mut self.label, (x, y));
    }
}
