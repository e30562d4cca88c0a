use std::cell::RefCell;

use super::*;
use crate::fix::{NoReleases, plan};
use crate::inventory::{self, Inventory};
use crate::repository::MemorySnapshot;
use crate::vulnerabilities;

/// `a` and `b` are fixed in 2.5.
fn index() -> AdvisoryIndex {
    let record = |name: &str| {
        let json = format!(
            r#"{{"id":"X-{name}","affected":[{{"package":{{"ecosystem":"PyPI","name":"{name}"}},"ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"2.5"}}]}}]}}]}}"#
        );
        advisories::osv::read(json.as_bytes()).unwrap().advisory
    };
    AdvisoryIndex::build(vec![record("a"), record("b")], Default::default(), Vec::new(), "", "")
}

fn planned(files: &[(&str, &str)]) -> (Inventory, FixPlan) {
    let snapshot = MemorySnapshot::new(files.iter().map(|(path, text)| (*path, text.as_bytes())));
    let inventory = inventory::read(&snapshot);
    let findings = vulnerabilities::find(&inventory, &index(), None).unwrap();
    let plan = plan::of(&inventory, &snapshot, &findings, &index(), &NoReleases).unwrap();
    (inventory, plan)
}

type Answer = Result<Resolution, ResolveError>;

fn resolution(pins: &str) -> Answer {
    let mut inventory = inventory::read(&MemorySnapshot::new([("requirements.txt", pins.as_bytes())]));
    Ok(Resolution { packages: inventory.manifests.remove(0).packages })
}

fn words(text: &str) -> Answer {
    Err(ResolveError::Unresolvable(text.to_owned()))
}

fn spelled(request: &Request) -> String {
    let one = |it: &Requirement| {
        let range = it.specifier.clone().or(it.version.as_ref().map(|version| format!("=={version}")));
        let marker = it.marker.as_ref().map_or_else(String::new, |marker| format!(";{marker}"));
        format!("{}{}{marker}", it.name, range.unwrap_or_default())
    };
    let list = |list: &[Requirement]| list.iter().map(one).collect::<Vec<_>>().join(" ");
    format!("{} | {}", list(&request.requirements), list(&request.constraints))
}

/// The checked plan, what was asked and what the report says.
fn checked(files: &[(&str, &str)], answer: &dyn Fn(&str) -> Answer) -> (FixPlan, Vec<String>, Vec<Diagnostic>) {
    let (inventory, mut plan) = planned(files);
    let asked = RefCell::new(Vec::new());
    let resolve = |request: &Request, _: Duration| {
        asked.borrow_mut().push(spelled(request));
        answer(&spelled(request))
    };
    let (index, patience) = (index(), Duration::from_secs(60));
    let check = Check { inventory: &inventory.manifests, index: &index, resolve: &resolve, address: None, patience };
    let gaps = verify(&mut plan, &check).unwrap();
    (plan, asked.into_inner(), gaps)
}

#[test]
fn what_resolving_says_of_a_list_of_pins() {
    use Verification::{CouldNotLook, DoesNotResolve, Resolves};
    const NOW: &str = "a==1.0 c==1.0 | ";
    let conflict = "No solution found when resolving dependencies: c depends on a<2";
    let no_wheel = "No solution found: a has no usable wheels and building from source is disabled";
    let timeout = || Err(ResolveError::Timeout(Duration::from_secs(1)));
    /// answer with the upgrade, answer as it is → the plan's word, a word of the reason
    type Case<'c> = (&'c dyn Fn() -> Answer, &'c dyn Fn() -> Answer, Verification, &'c str);
    let fine = || resolution("a==2.5\nc==1.0\n");
    let cases: [Case<'_>; 8] = [
        (&fine, &fine, Resolves, ""),
        // the advisory stays
        (&|| resolution("a==2.4\nc==1.0\n"), &fine, DoesNotResolve, "a 2.4, which X-a affects"),
        (&|| words(conflict), &fine, DoesNotResolve, "c depends on a<2"),
        // it is not the plan's fault
        (&|| words(conflict), &|| words("No solution found: c is mad"), CouldNotLook, "without the upgrades either"),
        (&|| words(no_wheel), &fine, CouldNotLook, "no usable wheels"),
        (&|| words("Failed to fetch: connection refused"), &fine, CouldNotLook, "connection refused"),
        (&timeout, &fine, CouldNotLook, "stopped after"),
        // a marker keeps it out of what is looked at
        (&|| resolution("c==1.0\n"), &fine, CouldNotLook, "not asked for"),
    ];
    for (with, as_is, expected, word) in cases {
        let answer = |asked: &str| if asked == NOW { as_is() } else { with() };
        let (plan, asked, gaps) = checked(&[("requirements.txt", "a==1.0\nc==1.0\n")], &answer);
        assert_eq!(asked[0], "a==2.5 c==1.0 | ", "{word}");
        let place = &plan.steps[0].places[0];
        let said = [plan.verification, plan.manifests[0].verification, plan.steps[0].verification, place.verification];
        assert_eq!(said, [expected; 4], "{word}");
        assert!(place.verification_reason.as_deref().unwrap_or_default().contains(word), "{place:?}");
        assert_eq!(gaps.iter().filter(|said| said.gap).count(), usize::from(expected == CouldNotLook), "{gaps:?}");
    }
}

#[test]
fn the_steps_of_a_plan_that_does_not_resolve_are_asked_by_themselves() {
    use Verification::{DoesNotResolve, Resolves};
    let answer = |asked: &str| match asked {
        "a==1.0 b==1.0 c==1.0 | " => resolution("a==1.0\nb==1.0\nc==1.0\n"),
        "a==2.5 b==1.0 c==1.0 | " => resolution("a==2.5\nb==1.0\nc==1.0\n"),
        other => words(&format!("No solution found: {other}")),
    };
    let (plan, _, gaps) = checked(&[("requirements.txt", "a==1.0\nb==1.0\nc==1.0\n")], &answer);
    let said: Vec<_> = plan.steps.iter().map(|step| (step.package.as_str(), step.verification)).collect();
    assert_eq!(said, [("a", Resolves), ("b", DoesNotResolve)]);
    assert_eq!((plan.verification, gaps.len()), (DoesNotResolve, 0));
    assert!(plan.steps[1].places[0].verification_reason.as_ref().unwrap().contains("a==1.0 b==2.5 c==1.0"));
}

const LOCK: &str = "version = 1\n[[package]]\nname = \"shop\"\nversion = \"0\"\nsource = { virtual = \".\" }\ndependencies = [{ name = \"a\" }, { name = \"c\" }]\n\
    [package.metadata]\nrequires-dist = [{ name = \"a\", specifier = \"RANGE\" }, { name = \"c\" }]\n\
    [[package]]\nname = \"a\"\nversion = \"1.0\"\nsource = { registry = \"https://pypi.org/simple\" }\n\
    [[package]]\nname = \"c\"\nversion = \"1.0\"\nsource = { registry = \"https://pypi.org/simple\" }\n";

#[test]
fn what_is_asked_of_a_lockfile() {
    // (the project's range, what is asked for)
    for (range, asked_for) in [(">=1", "a>=1 c"), ("<2", "a c"), ("==1.0", "a c")] {
        let declared = format!("[project]\nname = \"shop\"\nversion = \"0\"\ndependencies = [\"a{range}\", \"c\"]\n");
        let lock = LOCK.replace("RANGE", range);
        let answer = |asked: &str| match asked.contains("c==1.0") {
            true => words("No solution found"),
            false => resolution("a==2.5\nc==1.1\n"),
        };
        let (plan, asked, _) = checked(&[("uv.lock", &lock), ("pyproject.toml", &declared)], &answer);
        // first with all that is locked, then with the upgrades alone
        assert_eq!(asked, [format!("{asked_for} | a==2.5 c==1.0"), format!("{asked_for} | a==2.5")], "{range}");
        assert_eq!(plan.verification, Verification::Resolves, "{range}");
        assert_eq!(plan.manifests[0].notes, ["other locked packages have to move along"], "{range}");
    }
}

#[test]
fn forks_are_upgraded_under_their_markers_or_not_looked_at() {
    let fork = |version: &str, marker: &str| {
        let marker = if marker.is_empty() { String::new() } else { format!("resolution-markers = [\"{marker}\"]\n") };
        format!(
            "[[package]]\nname = \"a\"\nversion = \"{version}\"\nsource = {{ registry = \"https://pypi.org/simple\" }}\n{marker}"
        )
    };
    let head = "version = 1\n[[package]]\nname = \"shop\"\nversion = \"0\"\nsource = { virtual = \".\" }\ndependencies = [{ name = \"a\" }]\n";
    let declared = "[project]\nname = \"shop\"\nversion = \"0\"\ndependencies = [\"a\"]\n";
    let (old, new) = ("python_version < '3.10'", "python_version >= '3.10'");
    let lock = [head, &fork("1.0", old), &fork("3.0", new)].concat();
    let (plan, asked, _) =
        checked(&[("uv.lock", &lock), ("pyproject.toml", declared)], &|_| resolution("a==2.5\na==3.0\n"));
    assert_eq!(asked, [format!("a | a==2.5;{old}")]);
    assert_eq!(plan.verification, Verification::Resolves);
}

#[test]
fn what_no_index_has_is_not_looked_at_and_an_empty_plan_is_not_tried() {
    let git = "version = 1\n[[package]]\nname = \"a\"\nversion = \"1.0\"\nsource = { git = \"https://h.example.org/a?rev=v1#0123456789abcdef0123456789abcdef01234567\" }\n";
    let (plan, asked, gaps) = checked(&[("uv.lock", git)], &|_| panic!("nothing is to be asked"));
    assert_eq!((plan.verification, asked.len()), (Verification::CouldNotLook, 0));
    assert!(gaps[0].gap && gaps[0].reason.contains("its plan of upgrades was not verified"), "{gaps:?}");
    let (plan, asked, gaps) = checked(&[("requirements.txt", "c==1.0\n")], &|_| panic!("nothing is to be asked"));
    assert_eq!((plan.verification, asked.len(), gaps.len()), (Verification::NotTried, 0, 0));
    let (_, mut plan) = planned(&[("requirements.txt", "a==1.0\n")]);
    let said = could_not(&mut plan, "there is no index");
    assert_eq!(
        (plan.verification, plan.steps[0].verification),
        (Verification::CouldNotLook, Verification::CouldNotLook)
    );
    assert!(said[0].gap && said[0].reason.contains("there is no index"));
}
