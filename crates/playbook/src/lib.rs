//! YAML text in; every problem, or a plan, out.
