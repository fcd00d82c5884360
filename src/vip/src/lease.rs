//! One writer at a time: who holds a Lease object of the cluster.
//!
//! It is the protocol of client-go: the holder renews every two seconds, others look on, and
//! whoever has seen no renewal for the lease's duration takes it.

use std::time::Duration;

use catena_kube::{Call, Client, Method, Refusal};
use catena_plugin::clock::{Instant, now};
use serde_json::{Value, json};

/// How long a lease lasts that nobody renews.
const SECONDS: u64 = 15;
/// How often it is looked at, and renewed.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Who could not renew for so long holds it no more; well before others take it.
pub(crate) const HOLD_MAX: Duration = Duration::from_secs(10);
const JSON: &str = "application/json";
/// How times are written: with microseconds, all six digits.
const TIME: &str = "%Y-%m-%dT%H:%M:%S.%6fZ";

/// A lease, as one of those who want it sees it.
pub(crate) struct Lease {
    collection: String,
    name: String,
    namespace: String,
    identity: String,
    /// What another's lease looked like, and since when it has.
    seen: Option<(Value, Instant)>,
}

impl Lease {
    pub fn new((namespace, name): (String, String), identity: String) -> Lease {
        Lease {
            collection: format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"),
            name,
            namespace,
            identity,
            seen: None,
        }
    }

    /// Looks at it, and takes or renews it if that is ours to do; whether we hold it then.
    pub async fn look(&mut self, client: &Client) -> Result<bool, Refusal> {
        let path = format!("{}/{}", self.collection, self.name);
        let found = client.call(call(Method::Get, &path, &[])).await;
        let mut lease: Value = match found {
            Err(refusal) if refusal.code() == Some(404) => return self.make(client).await,
            found => serde_json::from_slice(&found?).unwrap_or_default(),
        };
        let holder = text(&lease, "/spec/holderIdentity").to_owned();
        let is_ours = holder == self.identity;
        if !is_ours && !holder.is_empty() && !self.has_lapsed(&lease) {
            return Ok(false);
        }
        let time = time();
        let transitions = lease.pointer("/spec/leaseTransitions");
        let transitions = transitions.and_then(Value::as_u64).unwrap_or(0);
        let mut spec = self.spec(&time, transitions + u64::from(!is_ours));
        if is_ours && let Some(acquired) = lease.pointer("/spec/acquireTime") {
            set(&mut spec, "acquireTime", acquired.clone());
        }
        set(&mut lease, "spec", spec);
        let body = lease.to_string();
        taken(client.call(call(Method::Put, &path, body.as_bytes())).await)
    }

    /// Lets go of it, so that another need not wait.
    pub async fn release(&self, client: &Client) -> Result<(), Refusal> {
        let path = format!("{}/{}", self.collection, self.name);
        let found = client.call(call(Method::Get, &path, &[])).await?;
        let mut lease: Value = serde_json::from_slice(&found).unwrap_or_default();
        if text(&lease, "/spec/holderIdentity") != self.identity {
            return Ok(());
        }
        if let Some(spec) = lease.pointer_mut("/spec") {
            set(spec, "holderIdentity", json!(""));
            set(spec, "leaseDurationSeconds", json!(1));
        }
        let body = lease.to_string();
        let put = client.call(call(Method::Put, &path, body.as_bytes()));
        put.await.map(drop)
    }

    async fn make(&mut self, client: &Client) -> Result<bool, Refusal> {
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": self.spec(&time(), 0),
        });
        let body = lease.to_string();
        let made = client.call(call(Method::Post, &self.collection, body.as_bytes()));
        taken(made.await)
    }

    fn spec(&self, time: &str, transitions: u64) -> Value {
        json!({
            "holderIdentity": self.identity,
            "leaseDurationSeconds": SECONDS,
            "acquireTime": time,
            "renewTime": time,
            "leaseTransitions": transitions,
        })
    }

    /// Whether another's lease has stood unchanged for as long as it lasts, by our own clock.
    fn has_lapsed(&mut self, lease: &Value) -> bool {
        let spec = lease.pointer("/spec").cloned().unwrap_or_default();
        let seconds = spec
            .pointer("/leaseDurationSeconds")
            .and_then(Value::as_u64);
        let lasts = Duration::from_secs(seconds.unwrap_or(SECONDS).min(3600));
        match &self.seen {
            Some((known, since)) if *known == spec => since.elapsed() > lasts,
            _ => {
                self.seen = Some((spec, now()));
                false
            }
        }
    }
}

/// Whether a write was taken; somebody else may have been quicker.
fn taken<T>(answer: Result<T, Refusal>) -> Result<bool, Refusal> {
    match answer {
        Ok(_) => Ok(true),
        Err(refusal) if refusal.code() == Some(409) => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

fn call<'c>(method: Method, path: &'c str, body: &'c [u8]) -> Call<'c> {
    Call {
        method,
        path,
        content_type: JSON,
        body,
    }
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

fn time() -> String {
    jiff::Timestamp::now().strftime(TIME).to_string()
}
