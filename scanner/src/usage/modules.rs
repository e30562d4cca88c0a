//! From a distribution to what it provides: import names, commands, plugin entry points, and whom it needs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use advisories::{PackageName, Version};
use serde::{Deserialize, Serialize};

/// Where the knowledge of a distribution comes from; the confidence of a verdict follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Knowledge {
    /// The module is guessed from the distribution's name.
    Guess,
    /// The offline table, read from the wheel of the version that was newest then.
    Table,
    /// The names that the distribution's own metadata declares (PEP 794), on the configured index.
    Metadata,
    /// The source archive on the configured index, of a distribution that has no wheel.
    Sdist,
    /// The file list of a wheel on the configured index.
    Wheel,
}

/// What one distribution provides and needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// Dotted import names, as deep as a namespace package needs (`google.cloud.storage`).
    pub modules: Vec<String>,
    /// Console scripts.
    pub commands: Vec<String>,
    /// Entry point groups other than console scripts (`pytest11`, `mkdocs.plugins`).
    pub entry_points: Vec<String>,
    /// Packages that it needs in every installation.
    pub requires: Vec<PackageName>,
    /// Packages that its extras bring, by extra.
    pub extras: BTreeMap<String, Vec<PackageName>>,
    /// Where this comes from.
    pub knowledge: Knowledge,
}

impl Distribution {
    /// What the name alone suggests: `a-b` is imported as `a_b` or `a.b`, `python-x` and `x-python` as `x`.
    #[must_use]
    pub fn guess(name: &PackageName) -> Self {
        let name = name.as_str();
        let mut modules = vec![name.replace('-', "_")];
        if name.contains('-') {
            modules.push(name.replace('-', "."));
        }
        let shorter = ["python-", "py-", "django-"].iter().find_map(|prefix| name.strip_prefix(prefix));
        modules.extend(shorter.or_else(|| name.strip_suffix("-python")).map(|short| short.replace('-', "_")));
        let unnumbered = name.trim_end_matches(|char: char| char.is_ascii_digit());
        if unnumbered.len() > 2 && unnumbered.len() < name.len() {
            let unnumbered = unnumbered.trim_end_matches('-');
            modules.push(unnumbered.replace('-', "_"));
            // the same modules for another Python: `dnspython3`
            let twin = PackageName::new(unnumbered).ok().and_then(|twin| TABLE.get(&twin));
            modules.extend(twin.into_iter().flat_map(|twin| twin.modules.iter().cloned()));
        }
        // the namespaces that extensions of Flask once had
        if let Some(rest) = name.strip_prefix("flask-").map(|rest| rest.replace('-', "_")) {
            modules.extend([format!("flaskext.{rest}"), format!("flask.ext.{rest}")]);
        }
        // built for one version of CUDA: `nvidia-cudnn-cu12` is `nvidia.cudnn`
        if let Some((base, _)) = name.rsplit_once("-cu").filter(|(_, version)| is_cuda_version(version)) {
            modules.extend([base.replace('-', "_"), base.replace('-', ".")]);
        }
        // `x-binary`, `x-headless`: the same modules as x, built otherwise
        let base =
            VARIANTS.iter().find_map(|variant| name.strip_suffix(variant)).map(|base| base.trim_end_matches('-'));
        if let Some(base) = base.and_then(|base| PackageName::new(base).ok()) {
            let twin = TABLE.get(&base).map(|twin| twin.modules.clone());
            modules.extend(twin.unwrap_or_else(|| vec![base.as_str().replace('-', "_")]));
        }
        // a program may be spelt like the module
        let mut commands = vec![name.to_owned(), name.replace('-', "_")];
        commands.dedup();
        Self {
            modules,
            commands,
            entry_points: Vec::new(),
            requires: Vec::new(),
            extras: BTreeMap::new(),
            knowledge: Knowledge::Guess,
        }
    }

    /// True when a module that nothing else provides may well be what `name` is imported as: it is called like it, by some of its words
    /// in order (`strawberry_django` for strawberry-graphql-django), or by their initials (`acp` for agent-client-protocol).
    #[must_use]
    pub fn may_be_called(name: &PackageName, module: &str) -> bool {
        let top = module.split('.').next().unwrap_or(module).to_ascii_lowercase();
        let generic =
            ["python", "django", "py", "client", "api", "core", "sdk", "lib", "utils", "tools", "flask", "types"];
        let full = spelt_by_framework(name);
        let mut words = full.split('-');
        let in_order = top.split('_').all(|word| words.any(|own| own == word));
        let initials = || full.split('-').filter_map(|word| word.chars().next()).collect::<String>();
        Self::is_called_like(name, module)
            || top.len() > 2 && initials() == top
            || in_order && top.len() > 2 && !generic.contains(&top.as_str())
    }

    /// True when the whole name says the module: the same letters (`zxingcpp` for zxing-cpp), without the words that only say "for
    /// Python" (`saml2` for pysaml2), or a namespace spelt out (`llama_index.core` for llama-index-core).
    #[must_use]
    pub fn is_called_like(name: &PackageName, module: &str) -> bool {
        fn unnumbered(text: &str) -> &str {
            text.trim_end_matches(|char: char| char.is_ascii_digit())
        }
        let (name, top) = (spelt_by_framework(name), module.split('.').next().unwrap_or(module));
        let (flat_name, flat_top) = (letters(&name), letters(top));
        if unnumbered(&flat_name).len() > 3 && unnumbered(&flat_name) == unnumbered(&flat_top) {
            return true;
        }
        let bare =
            ["python", "django", "py"].iter().find_map(|prefix| flat_name.strip_prefix(prefix)).unwrap_or(&flat_name);
        let bare = ["python", "py"].iter().find_map(|suffix| bare.strip_suffix(suffix)).unwrap_or(bare);
        // the client of a service is often called like the service
        if ["client", "sdk", "api"].iter().filter_map(|suffix| bare.strip_suffix(suffix)).any(|rest| rest == flat_top) {
            return true;
        }
        let bare_top =
            ["python", "django", "py"].iter().find_map(|prefix| flat_top.strip_prefix(prefix)).unwrap_or(&flat_top);
        flat_top == flat_name
            || !bare.is_empty() && (flat_top == bare || bare_top == bare || bare_top == flat_name)
            || Self::is_spelt_out(&name, module)
    }

    /// True when the parts of a dotted module, joined, are the name: `llama_index.core` of llama-index-core, and what is in it.
    #[must_use]
    pub fn is_spelt_out(name: &str, module: &str) -> bool {
        let name = letters(name);
        module.contains('.') && module.matches('.').count() <= DEEPEST_SPELT && {
            let mut so_far = String::new();
            module.split('.').any(|part| {
                so_far.push_str(&letters(part));
                so_far == name
            })
        }
    }

    /// True when a module that nobody is known to provide has most of a name in common with `name`: `stable_whisper` with stable-ts,
    /// `sigma` with sigmatools. Too little to name a provider, and enough to doubt that the distribution is not used.
    #[must_use]
    pub fn shares_a_word(name: &PackageName, module: &str) -> bool {
        const COMMON: &[&str] =
            &["python", "django", "flask", "pytest", "client", "google", "azure", "tools", "types", "server", "async"];
        let bare = |text: &str| {
            let words = text.split(['-', '_']).filter(|word| !COMMON.contains(word));
            words.collect::<String>()
        };
        let top = module.split('.').next().unwrap_or(module).to_ascii_lowercase();
        let (name, top) = (bare(name.as_str()), bare(&top));
        let is_shared = |part: Range<usize>| name.get(part).is_some_and(|part| top.contains(part));
        let longest = (0..name.len()).filter(|from| is_shared(*from..from + 4)).map(|from| {
            let longer = (from + 5..=name.len()).take_while(|to| is_shared(from..*to));
            from..longer.last().unwrap_or(from + 4)
        });
        let Some(longest) = longest.max_by_key(ExactSizeIterator::len) else { return false };
        // most of the shorter of the two, and half of the name: `sync` is not asyncpool
        longest.len() * 3 >= 2 * name.len().min(top.len())
            && longest.len() * 2 >= name.len()
            && !name.get(longest).is_some_and(|shared| COMMON.contains(&shared))
    }

    /// True when importing `module` imports from this distribution.
    #[must_use]
    pub fn provides(&self, module: &str) -> bool {
        self.modules.iter().any(|own| {
            let own_guess = self.knowledge == Knowledge::Guess;
            let same =
                |left: &str, right: &str| if own_guess { left.eq_ignore_ascii_case(right) } else { left == right };
            // Google's clients have a module for each version of the interface: `google.cloud.webrisk_v1`
            let is_version = |rest: &str| {
                own_guess
                    && own.starts_with("google.")
                    && rest.strip_prefix("_v").is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit()))
            };
            module.get(..own.len()).is_some_and(|start| same(start, own))
                && module
                    .get(own.len()..)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || is_version(rest))
        })
    }
}

/// A name as it is, but Django REST framework's extensions are called after it in three ways.
fn spelt_by_framework(name: &PackageName) -> Cow<'_, str> {
    let name = name.as_str();
    let framework = name.strip_prefix("djangorestframework-").or_else(|| name.strip_prefix("drf-"));
    framework.map_or(Cow::Borrowed(name), |rest| Cow::Owned(format!("rest-framework-drf-{rest}")))
}

/// Modules with more dots spell no name.
const DEEPEST_SPELT: usize = 6;

/// A name without the signs that join its words.
pub(super) fn letters(text: &str) -> String {
    text.replace(['-', '_', '.'], "").to_ascii_lowercase()
}

/// Endings of a distribution's name that say how or by whom it was built, not what it provides.
const VARIANTS: &[&str] = &[
    "-binary",
    "-bin",
    "-headless",
    "-cpu",
    "-gpu",
    "-rocm",
    "-migraphx",
    "-directml",
    "-openvino",
    "-lite",
    "lite",
    "-ng",
    "-c",
    "-fork",
    "-py3",
    "-nightly",
];

/// `12`, `118`, `da12x`: what follows `-cu` in the name of a build for CUDA.
pub(super) fn is_cuda_version(version: &str) -> bool {
    let version = version.strip_prefix("da").unwrap_or(version);
    let version = version.strip_suffix('x').unwrap_or(version);
    !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit())
}

/// Answers what a distribution provides. It thinks over what was read before and does no IO.
pub trait ModuleNames: Sync {
    /// What `package` provides; never empty-handed: the least is [`Distribution::guess`].
    fn distribution(&self, package: &PackageName, version: Option<&Version>) -> Distribution;

    /// Distributions known to provide a top-level or dotted module, best known first.
    fn providers(&self, module: &str) -> Vec<PackageName>;
}

/// The offline table of well-known distributions.
#[derive(Debug, Clone, Copy, Default)]
pub struct WellKnown;

static TABLE: LazyLock<BTreeMap<PackageName, Distribution>> =
    LazyLock::new(|| include_str!("well_known.tsv").lines().filter_map(parse_row).collect());

static PROVIDERS: LazyLock<BTreeMap<&'static str, Vec<&'static PackageName>>> = LazyLock::new(|| {
    let mut providers: BTreeMap<&str, Vec<&PackageName>> = BTreeMap::new();
    for (name, distribution) in TABLE.iter() {
        for module in &distribution.modules {
            providers.entry(module).or_default().push(name);
        }
    }
    for (module, names) in &mut providers {
        // the distribution that is called like its module is the likelier one to declare, and then the one whose name begins so
        names.sort_by_key(|name| {
            let (name, module) = (name.as_str().replace('-', "_"), module.to_ascii_lowercase());
            (name != module, !name.starts_with(&module), name.len())
        });
    }
    providers
});

impl WellKnown {
    /// True when the table has a row for it.
    #[must_use]
    pub fn knows(self, package: &PackageName) -> bool {
        TABLE.contains_key(package)
    }
}

impl ModuleNames for WellKnown {
    fn distribution(&self, package: &PackageName, _: Option<&Version>) -> Distribution {
        TABLE.get(package).cloned().unwrap_or_else(|| Distribution::guess(package))
    }

    fn providers(&self, module: &str) -> Vec<PackageName> {
        let mut candidate = module;
        loop {
            if let Some(found) = PROVIDERS.get(candidate) {
                return found.iter().map(|name| (*name).clone()).collect();
            }
            match candidate.rsplit_once('.') {
                Some((parent, _)) => candidate = parent,
                None => return Vec::new(),
            }
        }
    }
}

/// Modules that no file list of the newest version tells: those that it has no longer and that code with an older one imports, and
/// those that stand in a directory which a `.pth` file puts on the path.
const UNLISTED: &[(&str, &[&str])] = &[
    ("setuptools", &["pkg_resources"]),
    (
        "pywin32",
        &[
            "commctrl",
            "dde",
            "odbc",
            "perfmon",
            "pywintypes",
            "servicemanager",
            "timer",
            "win32api",
            "win32clipboard",
            "win32con",
            "win32console",
            "win32cred",
            "win32crypt",
            "win32event",
            "win32evtlog",
            "win32evtlogutil",
            "win32file",
            "win32gui",
            "win32gui_struct",
            "win32inet",
            "win32job",
            "win32net",
            "win32netcon",
            "win32pdh",
            "win32pipe",
            "win32print",
            "win32process",
            "win32profile",
            "win32ras",
            "win32security",
            "win32service",
            "win32serviceutil",
            "win32timezone",
            "win32trace",
            "win32transaction",
            "win32ts",
            "win32ui",
            "win32uiole",
            "win32wnet",
            "winerror",
            "winioctlcon",
            "winnt",
            "winperf",
            "winxpgui",
        ],
    ),
];

/// See [`UNLISTED`].
pub(super) fn unlisted(package: &PackageName) -> &'static [&'static str] {
    UNLISTED.iter().find(|(of, _)| *of == package.as_str()).map_or(&[], |(_, modules)| modules)
}

/// One row of the table: name, modules, commands, entry point groups, requires, extras (`extra=a|b`), each list joined by spaces.
#[must_use]
pub fn format_row(name: &PackageName, distribution: &Distribution) -> String {
    let names = |names: &[PackageName], by: &str| names.iter().map(PackageName::as_str).collect::<Vec<_>>().join(by);
    let extras: Vec<String> =
        distribution.extras.iter().map(|(extra, packages)| format!("{extra}={}", names(packages, "|"))).collect();
    [
        name.to_string(),
        distribution.modules.join(" "),
        distribution.commands.join(" "),
        distribution.entry_points.join(" "),
        names(&distribution.requires, " "),
        extras.join(" "),
    ]
    .join("\t")
}

fn parse_row(row: &str) -> Option<(PackageName, Distribution)> {
    if row.starts_with('#') {
        return None;
    }
    let mut cells = row.split('\t');
    let name = PackageName::new(cells.next()?).ok()?;
    let mut words = || cells.next().map(|cell| cell.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>());
    let (modules, commands, entry_points, requires, extras) = (words()?, words()?, words()?, words()?, words()?);
    let owned = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect();
    let unlisted: Vec<&str> = unlisted(&name).to_vec();
    let modules = modules.into_iter().chain(unlisted).collect();
    let packages =
        |words: &mut dyn Iterator<Item = &str>| words.filter_map(|word| PackageName::new(word).ok()).collect();
    let distribution = Distribution {
        modules: owned(modules),
        commands: owned(commands),
        entry_points: owned(entry_points),
        requires: packages(&mut requires.into_iter()),
        extras: extras
            .iter()
            .filter_map(|word| word.split_once('='))
            .map(|(extra, words)| (extra.to_owned(), packages(&mut words.split('|'))))
            .collect(),
        knowledge: Knowledge::Table,
    };
    Some((name, distribution))
}
