//! What an application's actuator tells, as Dubbo and SOFABoot have it.

use std::time::Duration;

use catena_http::client::{self, FetchError};
use catena_rpc::interfaces::Provider;
use serde_json::Value;

/// The longest answer of an actuator.
const BODY_MAX: usize = 4 << 20;
const PATIENCE: Duration = Duration::from_secs(2);

/// Which kind of application it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framework {
    Dubbo,
    Sofa,
}

/// Why an actuator tells nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActuatorError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("its answer is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("its answer has no {0}")]
    Missing(&'static str),
}

impl Framework {
    /// As the variable `RPC_TYPE` says it.
    pub fn parse(text: &str) -> Option<Framework> {
        match text.to_ascii_uppercase().as_str() {
            "DUBBO" => Some(Framework::Dubbo),
            "SOFA" => Some(Framework::Sofa),
            _ => None,
        }
    }

    /// The protocol of its interfaces.
    pub fn protocol(self) -> &'static str {
        match self {
            Framework::Dubbo => "DUBBO",
            Framework::Sofa => "BOLT",
        }
    }

    /// Where its actuator is unless somebody says otherwise.
    pub fn actuator(self) -> &'static str {
        match self {
            Framework::Dubbo => "http://localhost:8081/actuator/dubbo/services",
            Framework::Sofa => "http://localhost:8080/health",
        }
    }

    /// Asks the actuator at `url`.
    pub async fn ask(self, url: &str) -> Result<Vec<Provider>, ActuatorError> {
        let body = client::get(url, BODY_MAX, PATIENCE).await?;
        self.read(&body)
    }

    fn read(self, body: &[u8]) -> Result<Vec<Provider>, ActuatorError> {
        let told: Value = serde_json::from_slice(body)?;
        match self {
            Framework::Dubbo => dubbo(&told).ok_or(ActuatorError::Missing("map of services")),
            Framework::Sofa => {
                sofa(&told).ok_or(ActuatorError::Missing("Middleware.RUNTIME-COMPONENT"))
            }
        }
    }
}

/// The values of a map of service beans.
fn dubbo(told: &Value) -> Option<Vec<Provider>> {
    let beans = told.as_object()?.values();
    let provider = |bean: &Value| {
        let text = |key| bean.get(key).and_then(Value::as_str).unwrap_or("");
        let interface = match text("interface") {
            "" => text("interfaceName"),
            interface => interface,
        };
        let serialize = match text("serialization") {
            "" => "hessian2",
            serialize => serialize,
        };
        (!interface.is_empty()).then(|| Provider {
            interface: interface.to_owned(),
            version: text("version").to_owned(),
            group: text("group").to_owned(),
            serialize: serialize.to_owned(),
        })
    };
    Some(beans.filter_map(provider).collect())
}

/// Components called `x:INTERFACE:VERSION` that have passed their check.
fn sofa(told: &Value) -> Option<Vec<Provider>> {
    let info = told.get("sofaBootComponentHealthCheckInfo")?;
    let components = info
        .get("Middleware")?
        .get("RUNTIME-COMPONENT")?
        .as_object()?;
    let passed = components.iter().filter(|(name, state)| {
        // Names with a mark are references to interfaces of others.
        state.as_str() == Some("passed") && !name.contains('#')
    });
    let provider = |name: &str| {
        let mut parts = name.split(':').skip(1);
        Some(Provider {
            interface: parts.next().filter(|part| !part.is_empty())?.to_owned(),
            version: parts.next()?.to_owned(),
            group: String::new(),
            serialize: "Protobuf".to_owned(),
        })
    };
    Some(passed.filter_map(|(name, _)| provider(name)).collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::Framework;

    #[test]
    fn dubbo_tells_the_interfaces_of_its_beans() {
        let body = br#"{"ServiceBean@com.A#a":{"interface":"com.A","version":"1.0.0",
            "group":"g","serialization":"fastjson","methods":{}},
            "b":{"interface":"com.B","version":null},"c":{"id":"x"}}"#;
        let told = Framework::Dubbo.read(body).unwrap();
        let told: Vec<_> = told
            .iter()
            .map(|p| (&*p.interface, &*p.version, &*p.serialize))
            .collect();
        assert_eq!(
            told,
            [("com.A", "1.0.0", "fastjson"), ("com.B", "", "hessian2")]
        );
    }

    #[test]
    fn sofa_tells_the_components_that_passed() {
        let body = br##"{"sofaBootComponentHealthCheckInfo":{"Middleware":{"RUNTIME-COMPONENT":{
            "service:com.A:1.0":"passed","service:com.B:1.0":"failed",
            "reference:com.C:1.0#1":"passed","extension":"passed"}}}}"##;
        let told = Framework::Sofa.read(body).unwrap();
        assert_eq!(told.len(), 1);
        assert_eq!((&*told[0].interface, &*told[0].version), ("com.A", "1.0"));
    }

    #[test]
    fn an_answer_of_another_shape_is_no_empty_list() {
        for body in ["", "[]", "{\"status\":\"UP\"}", "null"] {
            assert!(Framework::Sofa.read(body.as_bytes()).is_err(), "{body}");
        }
        assert!(Framework::Dubbo.read(b"[]").is_err());
    }
}
