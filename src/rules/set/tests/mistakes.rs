//! Mistakes in the text of a set.

use super::told;

mod actions;
mod settings;
mod shape;
mod times;
mod words;
