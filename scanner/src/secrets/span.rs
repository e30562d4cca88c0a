//! Which commits are walked: what some commits reach and others do not.

use std::collections::{HashMap, HashSet};

use git2::{Oid, Repository};

/// A push brings fewer commits than this; of more, every commit of before is told to the walk.
const MOST_NEW: usize = 4096;

/// What `tips` reach and `hidden` do not.
#[derive(Debug)]
pub(super) struct Span {
    pub tips: Vec<Oid>,
    pub hidden: Vec<Oid>,
}

impl Span {
    /// What the tips of now reach and those of before, given with their orders, do not. A repository may have thousands of refs, and a walk
    /// reads the commit of each that is hidden; so those are left out that reach nothing of what is new.
    pub(super) fn since(repository: &Repository, now: Vec<Oid>, before: HashMap<Oid, Option<i64>>) -> Self {
        let tips: Vec<Oid> = now.into_iter().filter(|id| !before.contains_key(id)).collect();
        let mut hidden: Vec<Oid> = match oldest_new(repository, &tips, &before) {
            // an order is later than the date of everything that the commit reaches
            Some((oldest, met)) => before
                .into_iter()
                .filter(|(id, order)| met.contains(id) || order.is_none_or(|order| order >= oldest))
                .map(|(id, _)| id)
                .collect(),
            None => before.into_keys().collect(),
        };
        hidden.sort_unstable();
        Self { tips, hidden }
    }
}

/// The oldest date of the commits from the tips up to those of before, and which of these were met. `None`: there are too many, or not all can
/// be read.
fn oldest_new(
    repository: &Repository,
    tips: &[Oid],
    before: &HashMap<Oid, Option<i64>>,
) -> Option<(i64, HashSet<Oid>)> {
    let (mut oldest, mut met, mut seen) = (i64::MAX, HashSet::new(), HashSet::new());
    let mut waiting = tips.to_vec();
    while let Some(id) = waiting.pop() {
        if before.contains_key(&id) {
            met.insert(id);
        } else if seen.insert(id) {
            if seen.len() > MOST_NEW {
                return None;
            }
            let commit = repository.find_commit(id).ok()?;
            oldest = oldest.min(commit.time().seconds());
            waiting.extend(commit.parent_ids());
        }
    }
    Some((oldest, met))
}

#[cfg(test)]
mod tests {
    use super::*;
    use git2::{Signature, Time};

    /// A commit at a time.
    fn commit(repository: &Repository, seconds: i64, parents: &[Oid]) -> Oid {
        let tree = repository.find_tree(repository.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let who = Signature::new("Ada", "ada@example.org", &Time::new(seconds, 0)).unwrap();
        let parents: Vec<_> = parents.iter().map(|id| repository.find_commit(*id).unwrap()).collect();
        let parents: Vec<_> = parents.iter().collect();
        repository.commit(None, &who, &who, &seconds.to_string(), &tree, &parents).unwrap()
    }

    /// 1 - 2 - 3 - 4 is what was walked: 4 a branch, 2 a tag, 9 a branch from elsewhere.
    #[test]
    fn only_what_can_reach_the_new_is_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(folder.path()).unwrap();
        let at = |seconds, parents: &[Oid]| commit(&repository, seconds, parents);
        let one = at(1, &[]);
        let (other, two) = (at(9, &[]), at(2, &[one]));
        let three = at(3, &[two]);
        let four = at(4, &[three]);
        let before = || HashMap::from([(two, Some(2)), (four, Some(4)), (other, Some(9))]);
        let push = at(20, &[four]);
        let from_tag = at(21, &[two]);
        let from_the_middle = at(22, &[three]);
        let merge = at(23, &[push, other]);
        // the new tip, what is hidden, the commits that are walked
        type Case<'a> = (Oid, &'a [Oid], &'a [Oid]);
        let cases: &[Case<'_>] = &[
            (push, &[four], &[push]),
            (from_tag, &[two], &[from_tag]),
            // what the branch point reaches was walked, which only the branch and the other can tell
            (from_the_middle, &[two, four, other], &[from_the_middle]),
            (merge, &[four, other], &[merge, push]),
        ];
        for (tip, hidden, walked) in cases {
            let span = Span::since(&repository, vec![two, four, other, *tip], before());
            let mut expected = hidden.to_vec();
            expected.sort_unstable();
            assert_eq!((&span.tips[..], span.hidden.clone()), (&[*tip][..], expected));
            let mut walk = repository.revwalk().unwrap();
            span.tips.iter().for_each(|tip| walk.push(*tip).unwrap());
            span.hidden.iter().for_each(|hidden| walk.hide(*hidden).unwrap());
            let found: HashSet<Oid> = walk.map(Result::unwrap).collect();
            assert_eq!(found, walked.iter().copied().collect::<HashSet<_>>());
        }
        // a tip whose order is not known is always hidden
        let unknown = HashMap::from([(four, Some(4)), (other, None)]);
        assert_eq!(Span::since(&repository, vec![push], unknown).hidden.len(), 2);
    }
}
