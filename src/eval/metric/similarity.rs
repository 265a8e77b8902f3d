//! How alike two texts are, by the measure of Python's `difflib.SequenceMatcher`.
//!
//! Differences: none known; characters are compared. Its rule for long second texts is kept: from
//! 200 characters on, characters that make up more than 1 % of it start no match.
//! Checked against: `tests/evaluation_metrics.rs` with values from Python.

use std::collections::BTreeMap;

/// Twice the length of the matching blocks over the length of both texts; 1 for two empty ones.
///
/// The order of the texts matters.
#[must_use]
pub fn ratio(a: &str, b: &str) -> f64 {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.is_empty() && b.is_empty() {
        return 1.0;
    }
    let matches = Matcher::new(&a, &b).matching();
    2.0 * matches as f64 / (a.len() + b.len()) as f64
}

struct Matcher<'a> {
    a: &'a [char],
    b: &'a [char],
    /// Where each character is in `b`, ascending; without popular ones.
    places: BTreeMap<char, Vec<usize>>,
}

/// A part of both texts.
#[derive(Clone, Copy)]
struct Window {
    a: (usize, usize),
    b: (usize, usize),
}

/// The same characters from `a` and `b` on.
#[derive(Clone, Copy)]
struct Block {
    a: usize,
    b: usize,
    len: usize,
}

impl<'a> Matcher<'a> {
    fn new(a: &'a [char], b: &'a [char]) -> Self {
        let mut places: BTreeMap<char, Vec<usize>> = BTreeMap::new();
        for (at, c) in b.iter().enumerate() {
            places.entry(*c).or_default().push(at);
        }
        if b.len() >= 200 {
            let most = b.len() / 100 + 1;
            places.retain(|_, at| at.len() <= most);
        }
        Self { a, b, places }
    }

    /// Characters in matching blocks: the longest one, then left and right of it.
    fn matching(&self) -> usize {
        let mut open = vec![Window { a: (0, self.a.len()), b: (0, self.b.len()) }];
        let mut matching = 0;
        while let Some(window) = open.pop() {
            let block = self.longest(window);
            if block.len == 0 {
                continue;
            }
            matching += block.len;
            open.push(Window { a: (window.a.0, block.a), b: (window.b.0, block.b) });
            let (a, b) = (block.a + block.len, block.b + block.len);
            open.push(Window { a: (a, window.a.1), b: (b, window.b.1) });
        }
        matching
    }

    fn longest(&self, window: Window) -> Block {
        let mut best = Block { a: window.a.0, b: window.b.0, len: 0 };
        // length of the match that ends before each place of `b`
        let mut before: BTreeMap<usize, usize> = BTreeMap::new();
        for at_a in window.a.0..window.a.1 {
            let mut ending = BTreeMap::new();
            let places = self.a.get(at_a).and_then(|c| self.places.get(c));
            let in_window = |at: &&usize| (window.b.0..window.b.1).contains(*at);
            for &at_b in places.into_iter().flatten().filter(in_window) {
                let len = 1 + before.get(&at_b).copied().unwrap_or(0);
                ending.insert(at_b + 1, len);
                if len > best.len {
                    best = Block { a: at_a + 1 - len, b: at_b + 1 - len, len };
                }
            }
            before = ending;
        }
        self.extended(best, window)
    }

    /// Popular characters start no match, but they lengthen one, even an empty one.
    fn extended(&self, mut block: Block, window: Window) -> Block {
        let same = |a: usize, b: usize| self.a.get(a) == self.b.get(b);
        while block.a > window.a.0 && block.b > window.b.0 && same(block.a - 1, block.b - 1) {
            block = Block { a: block.a - 1, b: block.b - 1, len: block.len + 1 };
        }
        while block.a + block.len < window.a.1
            && block.b + block.len < window.b.1
            && same(block.a + block.len, block.b + block.len)
        {
            block.len += 1;
        }
        block
    }
}
