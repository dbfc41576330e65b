//! ⑧ What a plan becomes: a branch with commits made in the object store, or files on disk.
//!
//! Nothing is lost. Blobs, trees and commits are written first, the reference of the new branch
//! last and in one step; the index, HEAD and the working tree stay as they are. Whatever can
//! stand in the way is looked for before the first object is written.

mod branch;
mod commit;
mod identity;
mod open;
mod place;
mod status;
mod switch;
mod worktree;

pub use commit::{Created, NewCommit};
pub use open::{Head, Repo};
pub use status::{Note, Summary};
pub use worktree::{is_executable, write_files};

#[cfg(test)]
mod tests;
