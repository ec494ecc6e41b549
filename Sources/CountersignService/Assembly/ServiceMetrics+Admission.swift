import CountersignHTTP
import TokenExchange

extension PrometheusRegistry {
    /// Gauges of the public listener's load.
    func addAdmission(_ admission: AdmissionControl) {
        addFamily(Self.inProgress, by: "identity_provider") {
            admission.inProgress.map { ($0.provider.map(String.init) ?? "", Double($0.count)) }
        }
    }

    private static let inProgress = "countersign_requests_in_progress"

    static let admissionDescriptions = [
        inProgress:
            "Requests in progress at the public listener, by the login's identity provider; empty for questions about sessions."
    ]
}
