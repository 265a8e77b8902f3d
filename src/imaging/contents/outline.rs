//! The outlines of a mask, along the edges of its pixels.

/// Corners of closed lines, in columns and rows from the top left corner of the first pixel; what is
/// inside lies to the right of the way.
pub(in super::super) fn outlines(
    [columns, rows]: [usize; 2],
    is_inside: impl Fn(usize, usize) -> bool,
) -> Vec<Vec<[u16; 2]>> {
    let mut edges = Edges::new(columns, rows);
    for row in 0..rows {
        for column in (0..columns).filter(|column| is_inside(*column, row)) {
            let above = row > 0 && is_inside(column, row - 1);
            let below = row + 1 < rows && is_inside(column, row + 1);
            let before = column > 0 && is_inside(column - 1, row);
            let after = column + 1 < columns && is_inside(column + 1, row);
            let sides = [
                (above, column, row, EAST),
                (after, column + 1, row, SOUTH),
                (below, column + 1, row + 1, WEST),
                (before, column, row + 1, NORTH),
            ];
            for (_, x, y, way) in sides.into_iter().filter(|(hidden, ..)| !hidden) {
                edges.add(x, y, way);
            }
        }
    }
    let corners = (0..=rows).flat_map(|y| (0..=columns).map(move |x| [x, y]));
    let mut lines = Vec::new();
    for corner in corners {
        while let Some(way) = edges.first(corner) {
            lines.push(edges.walk(corner, way));
        }
    }
    lines
}

const EAST: u8 = 0;
const SOUTH: u8 = 1;
const WEST: u8 = 2;
const NORTH: u8 = 3;

/// The ways that lead on from each corner of the pixels, a bit each.
struct Edges {
    ways: Vec<u8>,
    width: usize,
}

impl Edges {
    fn new(columns: usize, rows: usize) -> Self {
        let width = columns + 1;
        Self { ways: vec![0; width * (rows + 1)], width }
    }

    fn add(&mut self, x: usize, y: usize, way: u8) {
        if let Some(ways) = self.ways.get_mut(y * self.width + x) {
            *ways |= 1 << way;
        }
    }

    fn has(&self, [x, y]: [usize; 2], way: u8) -> bool {
        self.ways.get(y * self.width + x).is_some_and(|ways| ways & (1 << way) != 0)
    }

    fn take(&mut self, [x, y]: [usize; 2], way: u8) {
        if let Some(ways) = self.ways.get_mut(y * self.width + x) {
            *ways &= !(1 << way);
        }
    }

    fn first(&self, corner: [usize; 2]) -> Option<u8> {
        (EAST..=NORTH).find(|way| self.has(corner, *way))
    }

    /// Round once; where two pixels touch at a corner, the line stays with its own.
    fn walk(&mut self, start: [usize; 2], first: u8) -> Vec<[u16; 2]> {
        let (mut at, mut way) = (start, first);
        let mut corners = vec![small(start)];
        loop {
            self.take(at, way);
            at = next(at, way);
            if at == start {
                return corners;
            }
            let turns = [(way + 1) % 4, way, (way + 3) % 4];
            let Some(onward) = turns.into_iter().find(|turn| self.has(at, *turn)) else {
                return corners;
            };
            if onward != way {
                corners.push(small(at));
            }
            way = onward;
        }
    }
}

fn next([x, y]: [usize; 2], way: u8) -> [usize; 2] {
    match way {
        EAST => [x + 1, y],
        SOUTH => [x, y + 1],
        WEST => [x.saturating_sub(1), y],
        _ => [x, y.saturating_sub(1)],
    }
}

/// Sides of pictures are at most 65,535 pixels long.
fn small(corner: [usize; 2]) -> [u16; 2] {
    corner.map(|part| u16::try_from(part).unwrap_or(u16::MAX))
}
