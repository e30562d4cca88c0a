//! Logs on stderr and Prometheus metrics. Neither ever carries a header, a body, a query or a credential.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, Log, LogFormat};

/// Names of the metrics.
pub mod metric {
    /// Counter of answered requests by method, route and status.
    pub const REQUESTS: &str = "secretarybird_http_requests_total";
    /// Histogram of the seconds a request took, by method and route.
    pub const REQUEST_SECONDS: &str = "secretarybird_http_request_duration_seconds";
    /// Gauge of requests under way.
    pub const REQUESTS_UNDER_WAY: &str = "secretarybird_http_requests_in_flight";
    /// Counter of webhook deliveries by forge, event and outcome.
    pub const DELIVERIES: &str = "secretarybird_webhook_deliveries_total";
    /// Counter of refused identities by reason.
    pub const AUTHENTICATION_FAILURES: &str = "secretarybird_authentication_failures_total";
    /// Counter of ended jobs by kind and how they ended.
    pub const JOBS_ENDED: &str = "secretarybird_jobs_ended_total";
    /// Counter of repositories whose refs a sweep asked for, by outcome.
    pub const SWEEP_LISTINGS: &str = "secretarybird_sweep_listings_total";
    /// Gauge of jobs by state.
    pub const JOBS: &str = "secretarybird_jobs";
    /// Gauge of the store's size.
    pub const STORE_BYTES: &str = "secretarybird_store_bytes";
    /// Gauge of events that are to be told.
    pub const OUTBOX_EVENTS: &str = "secretarybird_outbox_events";
    /// Gauge of messages by state.
    pub const MESSAGES: &str = "secretarybird_messages";
    /// Counter of lines of the log that nobody read in time.
    pub const LOST_LINES: &str = "secretarybird_log_lines_lost_total";
    /// Gauge, always 1, labelled with the version.
    pub const BUILD: &str = "secretarybird_build_info";
}

/// Lines that wait at most for whoever reads stderr; what comes on top is lost, and counted.
const WAITING_LINES: usize = 10_000;

/// What counts the lines that were lost.
static LOST: OnceLock<ErrorCounter> = OnceLock::new();

/// Starts logging; the lines are written by a thread of their own, for as long as the guard lives, so that a stderr that nobody reads stops
/// nothing else. A second call in the same process changes nothing.
///
/// # Errors
/// A filter that cannot be read.
#[must_use = "the lines that still wait are written when the guard is dropped"]
pub fn start_logs(log: &Log) -> Result<WorkerGuard, ConfigError> {
    let filter = EnvFilter::try_new(&log.filter)
        .map_err(|error| ConfigError::Setting { setting: "log.filter", reason: error.to_string() })?;
    let (writer, guard) = NonBlockingBuilder::default().buffered_lines_limit(WAITING_LINES).finish(std::io::stderr());
    let lost = writer.error_counter();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let started = match log.format {
        LogFormat::Text => lines.with_ansi(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).try_init(),
    };
    // only one subscriber can be; the first one stays, as with two servers in one test process
    if started.is_ok() {
        drop(LOST.set(lost));
    }
    Ok(guard)
}

/// Lines of the log that were lost because nobody read them.
#[must_use]
pub fn lost_lines() -> usize {
    LOST.get().map_or(0, ErrorCounter::dropped_lines)
}

/// The process's metrics, started at the first call. `None` when another recorder is already installed.
pub fn metrics_handle() -> Option<&'static PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE.get_or_init(install).as_ref()
}

fn install() -> Option<PrometheusHandle> {
    let seconds = [0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 300.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &seconds)
        .ok()?
        .install_recorder()
        .ok()?;
    describe();
    Some(handle)
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram, gauge};
    describe_counter!(metric::REQUESTS, "Answered requests by method, route and status.");
    describe_histogram!(metric::REQUEST_SECONDS, "Seconds that a request took.");
    describe_gauge!(metric::REQUESTS_UNDER_WAY, "Requests under way.");
    describe_counter!(metric::DELIVERIES, "Webhook deliveries by forge, event and outcome.");
    describe_counter!(metric::AUTHENTICATION_FAILURES, "Refused identities by reason.");
    describe_counter!(metric::JOBS_ENDED, "Ended jobs by kind and how they ended.");
    describe_counter!(metric::SWEEP_LISTINGS, "Repositories whose refs a sweep asked for, by outcome.");
    describe_gauge!(metric::JOBS, "Jobs by state.");
    describe_gauge!(metric::STORE_BYTES, "Bytes of the store on disk.");
    describe_gauge!(metric::OUTBOX_EVENTS, "Events that are still to be told.");
    describe_gauge!(metric::MESSAGES, "Messages by state.");
    describe_counter!(metric::LOST_LINES, "Lines of the log that nobody read in time.");
    describe_counter!("secretarybird_feed_syncs_total", "Times that a feed was asked, by feed and outcome.");
    describe_counter!("secretarybird_notifications_total", "Notifications by receiver and outcome.");
    describe_counter!("secretarybird_rematches_total", "Repositories whose inventory was matched anew.");
    describe_histogram!("secretarybird_job_duration_seconds", "Seconds that a job ran.");
    describe_histogram!("secretarybird_job_wait_seconds", "Seconds that a job waited.");
    describe_histogram!("secretarybird_rematch_duration_seconds", "Seconds that matching a feed's change took.");
    describe_gauge!("secretarybird_findings", "Findings by state.");
    describe_gauge!("secretarybird_leader", "1 in the process that sweeps and looks after the store.");
    describe_gauge!("secretarybird_processes", "Processes that share the store.");
    describe_gauge!("secretarybird_repositories", "Registered repositories.");
    describe_gauge!("secretarybird_scans", "Scans that are kept.");
    describe_gauge!(metric::BUILD, "Always 1; the version is a label.");
    gauge!(metric::BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}
