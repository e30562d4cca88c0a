//! `--verify-fix`: the plan of upgrades, resolved.

use std::time::Duration;

use advisories::AdvisoryIndex;
use scanner::fix::verify::{self, Check};
use scanner::resolve::Resolver;
use scanner::{Diagnostic, Report, Stop};

use super::{Arguments, resolver};
use crate::cli::exit::Failure;
use crate::package_index;

/// How long the whole plan may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long one question may take.
const ONE: Duration = Duration::from_secs(120);

/// Notes in the plan what came of resolving it. That it could not be tried is said there and in the report, too.
pub fn plan(report: &mut Report, index: &AdvisoryIndex, arguments: &Arguments) -> Result<(), Failure> {
    let gaps = if arguments.index_url.expose() == package_index::NONE {
        verify::could_not(&mut report.fix_plan, "there is no package index to ask (--index-url none)")
    } else {
        resolved(report, index, arguments)?
    };
    report.add_diagnostics(gaps);
    Ok(())
}

fn resolved(report: &mut Report, index: &AdvisoryIndex, arguments: &Arguments) -> Result<Vec<Diagnostic>, Failure> {
    // what one question fetched answers the others
    let cache = match tempfile::tempdir() {
        Ok(cache) => cache,
        Err(error) => return Ok(verify::could_not(&mut report.fix_plan, &format!("no temporary directory: {error}"))),
    };
    let resolver = Resolver { cache: Some(cache.path().to_owned()), ..resolver(arguments) };
    let resolve = |request: &_, left: Duration| {
        Resolver { timeout: ONE.min(left), ..resolver.clone() }.resolve(request, Stop::default())
    };
    let check = Check {
        inventory: &report.inventory,
        index,
        resolve: &resolve,
        address: resolver.index.as_deref(),
        patience: PATIENCE,
    };
    verify::verify(&mut report.fix_plan, &check).map_err(Failure::incomplete)
}
