//! What was measured on one engine, and its form as JSON.

use serde_json::{Value, json};

/// What was measured on one engine. Times are in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct EngineResult {
    /// The name of the engine.
    pub engine: String,
    /// Why nothing was measured, if that is so.
    pub error: Option<String>,
    /// Compiling the program.
    pub compile: f64,
    /// Getting the program from what was stored when it was compiled, where the engine can do that.
    pub load: Option<f64>,
    /// An instance with the program's imports, memory and data, made, started and ended; where the program allows to
    /// measure that.
    pub instance: Option<f64>,
    /// One hostcall that reads guest memory and writes it.
    pub hostcall: Option<f64>,
    /// Answering the request.
    pub requests: Requests,
    /// The most memory that this process had resident meanwhile, in bytes; `None` where the system does not tell.
    pub resident_bytes: Option<u64>,
}

/// How the requests went. Times are in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Requests {
    /// How many were answered.
    pub count: u64,
    /// How many of those failed: a status from 500, a body that broke off, a guest that did not end well.
    pub failed: u64,
    /// What the first one that failed was about.
    pub failure: Option<String>,
    /// How many were answered in a second.
    pub per_second: f64,
    /// From start to the end of the answer's body: quantiles at equal distances, from the fastest to the slowest.
    pub latency: Vec<f64>,
    /// The middle of the time in which the guest itself ran.
    pub cpu: f64,
    /// The linear memory of a guest at its end, in bytes: the largest.
    pub guest_bytes: u64,
}

impl Requests {
    /// The latency that so many percent of the requests had at most.
    #[must_use]
    pub fn latency_at(&self, percent: usize) -> f64 {
        let Some(last) = self.latency.len().checked_sub(1) else {
            return 0.0;
        };
        let index = (last * percent.min(100)).div_ceil(100);
        self.latency.get(index).copied().unwrap_or_default()
    }
}

impl EngineResult {
    /// A result that says why there is none.
    #[must_use]
    pub fn failed(engine: &str, error: impl Into<String>) -> Self {
        Self {
            engine: engine.to_owned(),
            error: Some(error.into()),
            ..Self::default()
        }
    }

    /// It as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        if let Some(error) = &self.error {
            return json!({ "engine": self.engine, "error": error });
        }
        let requests = &self.requests;
        json!({
            "engine": self.engine,
            "compile_s": self.compile,
            "load_s": self.load,
            "instance_s": self.instance,
            "hostcall_s": self.hostcall,
            "requests": {
                "count": requests.count,
                "failed": requests.failed,
                "failure": requests.failure,
                "per_second": requests.per_second,
                "p50_s": requests.latency_at(50),
                "p90_s": requests.latency_at(90),
                "p99_s": requests.latency_at(99),
                "latency_quantiles_s": requests.latency,
                "cpu_s": requests.cpu,
                "guest_bytes": requests.guest_bytes,
            },
            "resident_bytes": self.resident_bytes,
        })
    }

    /// What [`to_json`](Self::to_json) made; `None` for anything else.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        let engine = value["engine"].as_str()?;
        if let Some(error) = value["error"].as_str() {
            return Some(Self::failed(engine, error));
        }
        let requests = &value["requests"];
        let latency = requests["latency_quantiles_s"].as_array()?.iter();
        Some(Self {
            engine: engine.to_owned(),
            error: None,
            compile: value["compile_s"].as_f64()?,
            load: value["load_s"].as_f64(),
            instance: value["instance_s"].as_f64(),
            hostcall: value["hostcall_s"].as_f64(),
            requests: Requests {
                count: requests["count"].as_u64()?,
                failed: requests["failed"].as_u64()?,
                failure: requests["failure"].as_str().map(str::to_owned),
                per_second: requests["per_second"].as_f64()?,
                latency: latency.filter_map(Value::as_f64).collect(),
                cpu: requests["cpu_s"].as_f64()?,
                guest_bytes: requests["guest_bytes"].as_u64()?,
            },
            resident_bytes: value["resident_bytes"].as_u64(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_survives_json() {
        let result = EngineResult {
            engine: "wasmi".to_owned(),
            compile: 0.5,
            instance: Some(1e-5),
            hostcall: Some(3e-8),
            requests: Requests {
                count: 7,
                per_second: 3.5,
                latency: (0..=100).map(f64::from).collect(),
                ..Requests::default()
            },
            ..EngineResult::default()
        };
        assert_eq!(
            EngineResult::from_json(&result.to_json()),
            Some(result.clone())
        );
        assert_eq!(result.requests.latency_at(99), 99.0);
        let failed = EngineResult::failed("wasmer", "no");
        assert_eq!(EngineResult::from_json(&failed.to_json()), Some(failed));
        assert_eq!(EngineResult::from_json(&json!({})), None);
    }
}
