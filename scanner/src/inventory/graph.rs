//! Who pulls in whom: labels (main, groups, extras) and shortest paths over a lockfile's own edges.
//!
//! Nodes are packages by (name, version, source) and never by name alone, and a package's extras are nodes of their own, so that
//! an edge to `a[x]` brings `a` and what `x` adds, and an edge to `a` does not bring the latter.

use std::collections::{BTreeSet, HashMap, VecDeque};

use advisories::PackageName;

use super::package::Package;

/// Paths kept for one package, and packages on one path: a lockfile made for the purpose has exponentially many, or long ones.
const MAX_PATHS: usize = 8;
const MAX_PATH: usize = 64;
/// Packages of one name among which an edge is resolved.
const MAX_FORKS: usize = 256;
/// Groups and extras followed through the graph.
const MAX_LABELS: usize = 256;

/// Why the project asks for a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// It needs it to run.
    Main,
    /// A dependency group.
    Group(String),
    /// One of the project's own extras.
    Extra(String),
}

/// A node: a package's index in the manifest, or one of its extras.
pub type Node = usize;

/// The graph of one lockfile.
#[derive(Debug, Default)]
pub struct Graph {
    /// Which package each node belongs to; the first nodes are the packages themselves.
    owner: Vec<usize>,
    edges: Vec<Vec<Node>>,
    extras: HashMap<(usize, String), Node>,
    roots: Vec<(Label, Node)>,
    by_name: HashMap<PackageName, Vec<usize>>,
}

impl Graph {
    /// A graph of these packages without edges.
    #[must_use]
    pub fn of(packages: &[Package]) -> Self {
        let mut by_name: HashMap<PackageName, Vec<usize>> = HashMap::new();
        for (index, package) in packages.iter().enumerate() {
            by_name.entry(package.name.clone()).or_default().push(index);
        }
        Self {
            owner: (0..packages.len()).collect(),
            edges: vec![Vec::new(); packages.len()],
            by_name,
            ..Self::default()
        }
    }

    /// The packages of a name: its versions and sources, of which no resolver chooses hundreds.
    #[must_use]
    pub fn named(&self, name: &PackageName) -> &[usize] {
        self.by_name.get(name).map_or(&[], |all| &all[..all.len().min(MAX_FORKS)])
    }

    /// The node of a package's extra.
    pub fn extra(&mut self, package: usize, extra: &str) -> Node {
        let next = self.owner.len();
        let node = *self.extras.entry((package, extra.to_owned())).or_insert(next);
        if node == next {
            self.owner.push(package);
            self.edges.push(Vec::new());
        }
        node
    }

    /// An edge to a package and to some of its extras.
    pub fn edge(&mut self, from: Node, package: usize, extras: &[String]) {
        self.edges[from].push(package);
        for extra in extras {
            let node = self.extra(package, extra);
            self.edges[from].push(node);
        }
    }

    /// The project asks for a package and some of its extras.
    pub fn root(&mut self, label: &Label, package: usize, extras: &[String]) {
        self.roots.push((label.clone(), package));
        for extra in extras {
            let node = self.extra(package, extra);
            self.roots.push((label.clone(), node));
        }
    }

    /// True when it is known what the project asks for.
    #[must_use]
    pub fn has_roots(&self) -> bool {
        !self.roots.is_empty()
    }

    /// Packages no other package needs.
    #[must_use]
    pub fn tops(&self, packages: usize) -> Vec<usize> {
        let mut needed = vec![false; packages];
        for (from, targets) in self.edges.iter().enumerate() {
            for &to in targets.iter().filter(|&&to| self.owner[to] != self.owner[from]) {
                needed[self.owner[to]] = true;
            }
        }
        (0..packages).filter(|&package| !needed[package]).collect()
    }

    /// Writes `direct`, `main`, `groups`, `extras` and `via` into the packages. Returns a remark where a bound was met.
    pub fn settle(&self, packages: &mut [Package]) -> Option<String> {
        let remark = self.settle_labels(packages);
        let distance = self.distances();
        for (index, package) in packages.iter_mut().enumerate() {
            package.direct = distance.get(index) == Some(&Some(0));
        }
        self.settle_paths(packages, &distance).or(remark)
    }

    fn settle_labels(&self, packages: &mut [Package]) -> Option<String> {
        let labels: BTreeSet<&Label> = self.roots.iter().map(|(label, _)| label).collect();
        for &label in labels.iter().take(MAX_LABELS) {
            let mut reached = vec![false; self.owner.len()];
            let mut queue: Vec<Node> = self.roots.iter().filter(|(of, _)| of == label).map(|(_, node)| *node).collect();
            while let Some(node) = queue.pop() {
                if !std::mem::replace(&mut reached[node], true) {
                    queue.extend(&self.edges[node]);
                }
            }
            for (package, _) in packages.iter_mut().zip(&reached).filter(|(_, reached)| **reached) {
                match label {
                    Label::Main => package.main = true,
                    Label::Group(name) => insert(&mut package.groups, name),
                    Label::Extra(name) => insert(&mut package.extras, name),
                }
            }
        }
        (labels.len() > MAX_LABELS).then(|| format!("only the first {MAX_LABELS} groups and extras were followed"))
    }

    fn distances(&self) -> Vec<Option<u32>> {
        let mut distance = vec![None; self.owner.len()];
        let mut queue = VecDeque::new();
        for (_, node) in &self.roots {
            if distance[*node].is_none() {
                distance[*node] = Some(0);
                queue.push_back(*node);
            }
        }
        while let Some(node) = queue.pop_front() {
            let next = distance[node].map(|steps: u32| steps + 1);
            for &to in &self.edges[node] {
                if distance[to].is_none() {
                    distance[to] = next;
                    queue.push_back(to);
                }
            }
        }
        distance
    }

    fn settle_paths(&self, packages: &mut [Package], distance: &[Option<u32>]) -> Option<String> {
        let mut order: Vec<Node> = (0..self.owner.len()).filter(|&node| distance[node].is_some()).collect();
        order.sort_by_key(|&node| distance[node]);
        let mut parents: Vec<Vec<Node>> = vec![Vec::new(); self.owner.len()];
        for &node in &order {
            for &to in &self.edges[node] {
                if distance[to] == distance[node].map(|steps| steps + 1) {
                    parents[to].push(node);
                }
            }
        }
        let mut paths: Vec<Vec<Vec<PackageName>>> = vec![Vec::new(); self.owner.len()];
        let mut too_long = 0_usize;
        for &node in &order {
            let name = &packages[self.owner[node]].name;
            if distance[node] == Some(0) {
                paths[node] = vec![vec![name.clone()]];
                continue;
            }
            let mut found = BTreeSet::new();
            for path in parents[node].iter().flat_map(|&parent| &paths[parent]).filter(|path| path.len() < MAX_PATH) {
                let mut path = path.clone();
                // an extra's node stands for its owner, which may be on the path already
                if path.last() != Some(name) {
                    path.push(name.clone());
                }
                found.insert(path);
                if found.len() > MAX_PATHS {
                    found.pop_last();
                }
            }
            too_long += usize::from(found.is_empty());
            paths[node] = found.into_iter().collect();
        }
        for (index, package) in packages.iter_mut().enumerate() {
            if distance[index].is_some_and(|steps| steps > 0) {
                package.via = std::mem::take(&mut paths[index]);
            }
        }
        (too_long > 0).then(|| format!("{too_long} packages are further than {MAX_PATH} steps from what the project asks for; their paths are left out"))
    }
}

fn insert(sorted: &mut Vec<String>, name: &str) {
    if let Err(at) = sorted.binary_search_by(|other| other.as_str().cmp(name)) {
        sorted.insert(at, name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Source;

    fn packages(names: &[&str]) -> Vec<Package> {
        names.iter().map(|name| Package::new(name.parse().unwrap(), Source::DEFAULT_INDEX)).collect()
    }

    #[test]
    fn labels_and_paths_follow_the_extras_that_were_asked_for() {
        // a -> c; a[x] -> d; group dev asks for b -> a[x]; d -> e; e -> a (a cycle)
        let mut all = packages(&["a", "b", "c", "d", "e", "alone"]);
        let mut graph = Graph::of(&all);
        let x = graph.extra(0, "x");
        graph.edge(0, 2, &[]);
        graph.edge(x, 3, &[]);
        graph.edge(1, 0, &["x".to_owned()]);
        graph.edge(3, 4, &[]);
        graph.edge(4, 0, &[]);
        graph.root(&Label::Main, 0, &[]);
        graph.root(&Label::Group("dev".to_owned()), 1, &[]);
        assert_eq!(graph.settle(&mut all), None);
        let seen: Vec<_> = all
            .iter()
            .map(|p| (p.name.as_str(), p.direct, p.main, p.groups.join(","), format!("{:?}", p.via)))
            .collect();
        let row = |name, direct, main, groups: &str, via: &str| (name, direct, main, groups.to_owned(), via.to_owned());
        assert_eq!(
            seen,
            [
                row("a", true, true, "dev", "[]"),
                row("b", true, false, "dev", "[]"),
                row("c", false, true, "dev", "[[a, c]]"),
                row("d", false, false, "dev", "[[b, a, d]]"),
                row("e", false, false, "dev", "[[b, a, d, e]]"),
                row("alone", false, false, "", "[]"),
            ]
        );
    }

    #[test]
    fn a_chain_and_a_lattice_stay_bounded() {
        let names: Vec<String> = (0..2000).map(|index| format!("p{index:04}")).collect();
        let mut all = packages(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut graph = Graph::of(&all);
        for index in 0..1998 {
            graph.edge(index, index + 1, &[]);
            graph.edge(index, index + 2, &[]);
        }
        graph.root(&Label::Main, 0, &[]);
        assert!(graph.settle(&mut all).is_some_and(|remark| remark.contains("steps")));
        assert!(all.iter().all(|package| package.via.len() <= MAX_PATHS));
    }
}
