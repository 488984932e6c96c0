//! Places boxes of given sizes so that arrows lead downwards: parts that hang together side by side, chains as
//! columns, and everything else by `rust-sugiyama`.
//!
//! The library finds the order inside each layer that has the fewest crossings, and where in the layer a box
//! stands best. Two things are done here because boxes differ much in size: long arrows get a place of their
//! own in each layer they pass, so that none runs through a box, and the distance between neighbours is kept
//! exactly. Words on an arrow are boxes like any other here, so nothing can lie over them.

use rust_sugiyama::configure::{Config, RankingType};
use rust_sugiyama::from_vertices_and_edges;

/// Between neighbours of a layer.
pub(super) const BESIDE: f64 = 24.0;
/// Between layers.
pub(super) const BELOW: f64 = 30.0;

/// Width and height.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Size {
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// A point.
pub(crate) type Point = (f64, f64);

/// An arrow to be placed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) to: usize,
    /// The size of its words, if it has any.
    pub(super) label: Option<Size>,
}

/// Where everything is.
#[derive(Debug, Default)]
pub(super) struct Placement {
    /// Of everything together.
    pub(super) size: Size,
    /// Top left corner of each box.
    pub(super) boxes: Vec<Point>,
    /// Per arrow.
    pub(super) routes: Vec<Way>,
}

/// Where an arrow runs.
#[derive(Debug, Default, Clone)]
pub(super) struct Way {
    /// Where it runs straight down, from above to below. The first is its beginning, the last its end.
    pub(super) stops: Vec<(f64, f64, f64)>,
    /// The top left corner of its words.
    pub(super) label: Option<Point>,
}

/// What stands in a layer.
#[derive(Debug, Clone, Copy)]
enum Thing {
    Box(usize),
    Label(usize),
    /// A long arrow passing.
    Passing(usize),
}

#[derive(Debug)]
struct Vertex {
    thing: Thing,
    size: Size,
    layer: usize,
    /// Of its middle.
    x: f64,
}

/// Places boxes and arrows.
pub(super) fn place(sizes: &[Size], links: &[Link]) -> Placement {
    let mut placement = Placement {
        size: Size::default(),
        boxes: vec![(0.0, 0.0); sizes.len()],
        routes: vec![Way::default(); links.len()],
    };
    for part in parts(sizes.len(), links) {
        let left = if placement.size.width > 0.0 { placement.size.width + BESIDE } else { 0.0 };
        let vertices = arrange(&part, sizes, links);
        let used = stack(vertices, sizes, links, left, &mut placement);
        placement.size.width = left + used.width;
        placement.size.height = placement.size.height.max(used.height);
    }
    placement
}

/// The boxes that hang together, in the order of their first.
fn parts(count: usize, links: &[Link]) -> Vec<Vec<usize>> {
    let mut part: Vec<usize> = (0..count).collect();
    fn root(part: &mut [usize], mut item: usize) -> usize {
        while let Some(&up) = part.get(item) {
            if up == item {
                break;
            }
            let higher = part.get(up).copied().unwrap_or(up);
            if let Some(slot) = part.get_mut(item) {
                *slot = higher;
            }
            item = up;
        }
        item
    }
    for link in links {
        let (a, b) = (root(&mut part, link.from), root(&mut part, link.to));
        if let Some(slot) = part.get_mut(a.max(b)) {
            *slot = a.min(b);
        }
    }
    let mut parts: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for item in 0..count {
        let root = root(&mut part, item);
        let index = *known.entry(root).or_insert_with(|| {
            parts.push((root, Vec::new()));
            parts.len() - 1
        });
        if let Some((_, items)) = parts.get_mut(index) {
            items.push(item);
        }
    }
    parts.into_iter().map(|(_, items)| items).collect()
}

/// The layer of each box of a part: one below the lowest of those that lead to it. Arrows that lead back (there
/// are none in a checked playbook) do not count.
fn layers(part: &[usize], links: &[Link], step: usize) -> Vec<(usize, usize)> {
    let position: std::collections::HashMap<usize, usize> =
        part.iter().enumerate().map(|(at, &item)| (item, at)).collect();
    let mut layer = vec![0_usize; part.len()];
    // Items stand behind what leads to them, so one pass over the arrows, sorted by their beginning, is enough.
    let mut forward: Vec<(usize, usize)> = links
        .iter()
        .filter_map(|link| Some((*position.get(&link.from)?, *position.get(&link.to)?)))
        .filter(|(from, to)| from < to)
        .collect();
    forward.sort_unstable();
    for (from, to) in forward {
        let above = layer.get(from).copied().unwrap_or(0) + step;
        if let Some(slot) = layer.get_mut(to) {
            *slot = (*slot).max(above);
        }
    }
    part.iter().copied().zip(layer).collect()
}

/// Every vertex of a part with its layer and the place of its middle.
fn arrange(part: &[usize], sizes: &[Size], links: &[Link]) -> Vec<Vertex> {
    let inside: Vec<(usize, &Link)> =
        links.iter().enumerate().filter(|(_, link)| part.binary_search(&link.from).is_ok()).collect();
    // With words on an arrow every other layer is one of words.
    let step = if inside.iter().any(|(_, link)| link.label.is_some()) { 2 } else { 1 };
    let layer_of = layers(part, links, step);
    let mut vertices: Vec<Vertex> = layer_of
        .iter()
        .map(|&(item, layer)| Vertex {
            thing: Thing::Box(item),
            size: sizes.get(item).copied().unwrap_or_default(),
            layer,
            x: 0.0,
        })
        .collect();
    let mut edges: Vec<(u32, u32)> = Vec::new();
    let at = |item: usize| part.binary_search(&item).ok();
    for (index, link) in inside {
        let (Some(from), Some(to)) = (at(link.from), at(link.to)) else { continue };
        let layer = |at: usize| layer_of.get(at).map_or(0, |(_, layer)| *layer);
        let mut before = from;
        for layer in layer(from) + 1..layer(to) {
            let (thing, size) = match link.label {
                // The words stand right behind the beginning: there it is clear what they belong to.
                Some(size) if before == from => (Thing::Label(index), size),
                _ => (Thing::Passing(index), Size { width: 6.0, height: 0.0 }),
            };
            vertices.push(Vertex { thing, size, layer, x: 0.0 });
            let here = vertices.len() - 1;
            edges.push((before as u32, here as u32));
            before = here;
        }
        edges.push((before as u32, to as u32));
    }
    let chain = vertices.iter().map(|vertex| vertex.layer).collect::<std::collections::HashSet<_>>().len()
        == vertices.len();
    if !chain {
        arrange_layers(&mut vertices, &edges);
    }
    vertices
}

/// Lets the library find the order in each layer and a good place for each, then keeps the distances.
fn arrange_layers(vertices: &mut [Vertex], edges: &[(u32, u32)]) {
    let sized: Vec<(u32, (f64, f64))> = vertices
        .iter()
        .enumerate()
        .map(|(index, vertex)| (index as u32, (vertex.size.width.max(1.0), vertex.size.height.max(1.0))))
        .collect();
    let config = Config {
        vertex_spacing: BESIDE,
        dummy_vertices: false,
        ranking_type: RankingType::Up,
        // Swapping neighbours costs more than it gives in a wide graph.
        transpose: vertices.len() < 120,
        ..Config::default()
    };
    for (positions, _, _) in from_vertices_and_edges(&sized, edges, &config) {
        for (index, (x, _)) in positions {
            if let Some(vertex) = vertices.get_mut(index) {
                vertex.x = if x.is_finite() { x } else { 0.0 };
            }
        }
    }
    let mut by_layer: std::collections::BTreeMap<usize, Vec<usize>> = std::collections::BTreeMap::new();
    for (index, vertex) in vertices.iter().enumerate() {
        by_layer.entry(vertex.layer).or_default().push(index);
    }
    for layer in by_layer.values_mut() {
        let x = |index: usize| vertices.get(index).map_or(0.0, |vertex| vertex.x);
        layer.sort_by(|&a, &b| x(a).total_cmp(&x(b)).then(a.cmp(&b)));
        spread(vertices, layer);
    }
}

/// Moves the vertices of a layer apart until they have their distance, each as little as possible: groups that
/// touch move as one, to where their members wanted to be on average.
fn spread(vertices: &mut [Vertex], layer: &[usize]) {
    // (members, sum of wanted left edges minus offsets, width)
    let mut groups: Vec<(Vec<usize>, f64, f64)> = Vec::new();
    for &index in layer {
        let Some(vertex) = vertices.get(index) else { continue };
        let wanted = vertex.x - vertex.size.width / 2.0;
        let mut group = (vec![index], wanted, vertex.size.width);
        while let Some((members, sum, width)) = groups.pop() {
            let left = sum / members.len() as f64;
            let own = group.1 / group.0.len() as f64;
            if left + width + BESIDE <= own {
                groups.push((members, sum, width));
                break;
            }
            let offset = width + BESIDE;
            let moved = group.1 - offset * group.0.len() as f64;
            let mut all = members;
            all.extend(group.0);
            group = (all, sum + moved, offset + group.2);
        }
        groups.push(group);
    }
    for (members, sum, _) in groups {
        let mut left = sum / members.len().max(1) as f64;
        for index in members {
            if let Some(vertex) = vertices.get_mut(index) {
                vertex.x = left + vertex.size.width / 2.0;
                left += vertex.size.width + BESIDE;
            }
        }
    }
}

/// Gives layers their heights, and everything its final place, from `left` on.
fn stack(vertices: Vec<Vertex>, sizes: &[Size], links: &[Link], left: f64, out: &mut Placement) -> Size {
    let least =
        vertices.iter().map(|vertex| vertex.x - vertex.size.width / 2.0).fold(f64::INFINITY, f64::min);
    let most = vertices.iter().map(|vertex| vertex.x + vertex.size.width / 2.0).fold(0.0, f64::max);
    let shift = if least.is_finite() { left - least } else { left };
    let count = vertices.iter().map(|vertex| vertex.layer + 1).max().unwrap_or(0);
    // Per layer its height, and half of what it keeps free above and below.
    let mut heights = vec![(0.0_f64, BELOW / 4.0); count];
    for vertex in &vertices {
        if let Some((height, free)) = heights.get_mut(vertex.layer) {
            *height = height.max(vertex.size.height);
            *free = free.max(match vertex.thing {
                Thing::Box(_) => BELOW / 2.0,
                Thing::Label(_) => 1.0,
                Thing::Passing(_) => 0.0,
            });
        }
    }
    let mut tops = Vec::with_capacity(count);
    let mut y = 0.0;
    for (layer, &(height, free)) in heights.iter().enumerate() {
        if layer > 0 {
            y += free;
        }
        tops.push((y, height));
        y += height + if layer + 1 < count { free } else { 0.0 };
    }
    let mut passing: Vec<(usize, usize, Way)> = Vec::new();
    for vertex in &vertices {
        let (top, height) = tops.get(vertex.layer).copied().unwrap_or_default();
        let x = vertex.x + shift;
        match vertex.thing {
            Thing::Box(item) => {
                if let Some(slot) = out.boxes.get_mut(item) {
                    *slot = (x - vertex.size.width / 2.0, top);
                }
            }
            Thing::Label(link) => {
                let at = (x - vertex.size.width / 2.0, top + (height - vertex.size.height) / 2.0);
                passing.push((
                    link,
                    vertex.layer,
                    Way { stops: vec![(x, top, top + height)], label: Some(at) },
                ));
            }
            Thing::Passing(link) => {
                passing.push((link, vertex.layer, Way { stops: vec![(x, top, top + height)], label: None }));
            }
        }
    }
    passing.sort_by_key(|(link, layer, _)| (*link, *layer));
    join(&vertices, &tops, passing, (sizes, links, shift), out);
    Size { width: (most - least).max(0.0), height: y }
}

/// Puts the pieces of every arrow of this part together.
fn join(
    vertices: &[Vertex],
    tops: &[(f64, f64)],
    passing: Vec<(usize, usize, Way)>,
    (sizes, links, shift): (&[Size], &[Link], f64),
    out: &mut Placement,
) {
    let boxes: std::collections::HashMap<usize, (f64, usize)> = vertices
        .iter()
        .filter_map(|vertex| match vertex.thing {
            Thing::Box(item) => Some((item, (vertex.x + shift, vertex.layer))),
            _ => None,
        })
        .collect();
    for (index, link) in links.iter().enumerate() {
        let (Some(&(from, layer)), Some(&(to, below))) = (boxes.get(&link.from), boxes.get(&link.to)) else {
            continue;
        };
        let (top, height) = tops.get(layer).copied().unwrap_or_default();
        let own = sizes.get(link.from).map_or(height, |size| size.height);
        let (end, _) = tops.get(below).copied().unwrap_or_default();
        let mut way = Way { stops: vec![(from, top + own, top + height)], label: None };
        let first = passing.partition_point(|(other, _, _)| *other < index);
        for (_, _, piece) in passing.iter().skip(first).take_while(|(other, _, _)| *other == index) {
            way.stops.extend(piece.stops.iter().copied());
            way.label = way.label.or(piece.label);
        }
        way.stops.push((to, end, end));
        if let Some(slot) = out.routes.get_mut(index) {
            *slot = way;
        }
    }
}
