//! A batch in pieces, each computed by one thread from its pictures to its gradients.
//!
//! Threads that share every small operation wait for each other at its end. A piece to itself
//! keeps a thread busy and its numbers near; sums in the order of the pieces stay the same,
//! however many threads there are.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Threads that work alone.
pub(crate) struct Workers {
    pools: Vec<ThreadPool>,
}

impl Workers {
    /// This many; fewer when the system has no more.
    pub(crate) fn new(count: usize) -> Self {
        let alone = |_| ThreadPoolBuilder::new().num_threads(1).build().ok();
        Self { pools: (0..count).filter_map(alone).collect() }
    }

    /// What `work` makes of every piece, in their order.
    pub(crate) fn each<T: Sync, R: Send>(
        &self,
        pieces: &[T],
        work: impl Fn(&T) -> R + Sync,
    ) -> Vec<R> {
        let next = AtomicUsize::new(0);
        let take = || {
            let mut done = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(piece) = pieces.get(at) else { return done };
                done.push((at, work(piece)));
            }
        };
        let mut done = match self.pools.as_slice() {
            [] => take(),
            pools => thread::scope(|scope| {
                let running: Vec<_> =
                    pools.iter().map(|pool| scope.spawn(|| pool.install(take))).collect();
                let joined = running.into_iter().map(thread::ScopedJoinHandle::join);
                joined
                    .flat_map(|done| done.unwrap_or_else(|fault| std::panic::resume_unwind(fault)))
                    .collect()
            }),
        };
        done.sort_by_key(|(at, _)| *at);
        done.into_iter().map(|(_, made)| made).collect()
    }
}
