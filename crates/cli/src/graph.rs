//! Drawings of playbooks: SVG, Mermaid, DOT and a tree of text, all from one [`chart`].
//!
//! What a step is called and what it does is decided in `build` and `words`; `layout` gives boxes and arrows
//! their places for SVG. Mermaid and Graphviz lay out by themselves.

mod build;
mod chart;
pub(crate) mod dot;
mod icon;
mod layered;
mod layout;
pub(crate) mod mermaid;
mod metrics;
pub(crate) mod svg;
#[cfg(test)]
mod tests;
pub(crate) mod tree;
pub(crate) mod words;

pub(crate) use chart::Chart;
