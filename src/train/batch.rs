//! Sequences side by side, filled up to one length.

use crate::nn::Position;
use crate::vlm::{Place, Sequence, TowerPicture};

/// A conversation with its pictures, ready to be read.
#[derive(Clone, Debug, Default)]
pub struct Example {
    /// What is read and said.
    pub sequence: Sequence,
    /// In the order of the questions.
    pub pictures: Vec<TowerPicture>,
}

/// Several examples.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batch<'a> {
    pub(crate) sequences: usize,
    /// Ids of all text positions, in order.
    pub(crate) ids: Vec<u32>,
    /// All pictures, in order.
    pub(crate) pictures: Vec<&'a TowerPicture>,
    /// For every position: its row among those of `ids`, then of the pictures.
    pub(crate) rows: Vec<usize>,
    pub(crate) positions: Vec<Position>,
    /// Positions the loss looks at, and what is to be said there.
    pub(crate) asked: Vec<usize>,
    pub(crate) labels: Vec<u32>,
}

impl<'a> Batch<'a> {
    pub(crate) fn of(examples: &'a [Example]) -> Self {
        let longest = examples.iter().map(|one| one.sequence.places.len()).max().unwrap_or(0);
        let num_ids = |example: &Example| {
            let pictures = example.sequence.places.iter();
            let rows = pictures.filter(|place| matches!(place, Place::Row { .. })).count();
            longest - rows
        };
        let mut next_picture_row: usize = examples.iter().map(num_ids).sum();
        let mut batch = Self { sequences: examples.len(), ..Self::default() };
        for example in examples {
            let begin = batch.rows.len();
            let Sequence { places, labels, positions, task: _ } = &example.sequence;
            let mut first_rows = Vec::new();
            for picture in &example.pictures {
                first_rows.push(next_picture_row);
                next_picture_row += picture.rows;
            }
            for place in places {
                let row = match place {
                    Place::Id(id) => {
                        batch.ids.push(*id);
                        batch.ids.len() - 1
                    }
                    Place::Row { image, row } => first_rows.get(*image).map_or(0, |at| at + row),
                };
                batch.rows.push(row);
            }
            batch.positions.extend(positions);
            let asked = labels.iter().enumerate();
            for (at, label) in asked.filter_map(|(at, label)| Some((at, (*label)?))) {
                batch.asked.push(begin + at);
                batch.labels.push(label);
            }
            // nothing looks at what fills up: a row sees only those before it
            for at in places.len()..longest {
                batch.ids.push(0);
                batch.rows.push(batch.ids.len() - 1);
                batch.positions.push([at as u32; 3]);
            }
            batch.pictures.extend(&example.pictures);
        }
        batch
    }
}
