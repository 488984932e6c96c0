//! The embeddable engine: carries commands out, writes records first.
