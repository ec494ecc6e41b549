package import TokenExchange

/// `traces`: which requests are traced, and which collector learns of them. There are no traces without this section.
package struct TraceSettings: Sendable, Equatable {
    /// A header that the collector asks for.
    package struct Header: Sendable, Equatable {
        package let name: String
        package let value: UpstreamSecret
    }

    /// With its path.
    package let endpoint: String
    package let headers: [Header]
    /// Nil for the system's roots.
    package let certificateAuthorityFile: String?
    package let clientCertificate: TLSFiles?
    package let serviceName: String
    /// Of requests that begin a trace, from 0 to 1.
    package let sampleRatio: Double
    /// How many requests may be traced.
    package let requestsPerSecond: Int
    /// How many spans may wait to be sent.
    package let queueSpans: Int
    /// How many spans are sent at once.
    package let batchSpans: Int
    /// How often waiting spans are sent.
    package let interval: Duration
    /// For one request to the collector.
    package let timeout: Duration
}

extension TraceSettings {
    /// Every key has a default, except `endpoint`.
    static func read(_ section: MappingReader) -> TraceSettings? {
        let endpoint = section.required("endpoint") { $0.traceEndpoint() }
        let headers = section.value("headers", default: []) { $0.traceHeaders() }
        let authorities = section.optional("ca_file") { $0.file() }
        let certificate = section.optional("client_certificate") { $0.mapping(TLSFiles.read) }
        let name = section.value("service_name", default: "countersign") { $0.name() }
        let ratio = section.value("sample_ratio", default: 0.01) { $0.ratio() }
        let requests = section.value("requests_per_second", default: 50) { $0.integer(in: 1...10_000) }
        let queue = section.value("queue_spans", default: 4096) { $0.integer(in: 64...1_000_000) }
        let batch = section.value("batch_spans", default: min(512, queue)) { $0.integer(in: 1...4096) }
        let interval = section.value("interval", default: .seconds(1)) {
            $0.duration(in: .milliseconds(10)...(.seconds(60)))
        }
        let timeout = section.value("timeout", default: .seconds(10)) {
            $0.duration(in: .milliseconds(50)...(.seconds(60)))
        }
        return endpoint.map {
            TraceSettings(
                endpoint: $0, headers: headers, certificateAuthorityFile: authorities, clientCertificate: certificate,
                serviceName: name, sampleRatio: ratio, requestsPerSecond: requests, queueSpans: queue,
                batchSpans: batch, interval: interval, timeout: timeout)
        }
    }
}

extension NodeReader {
    /// A URL without a path gets the one that collectors listen on.
    fileprivate func traceEndpoint() -> String? {
        webAddress(such: "https://collector.example:4318/v1/traces").map { url in
            switch url.address.path {
            case "": url.text + "/v1/traces"
            case "/": url.text + "v1/traces"
            default: url.text
            }
        }
    }

    fileprivate func traceHeaders() -> [TraceSettings.Header]? {
        let names = SeenValues("header")
        return entries { name, reader in
            guard reader.isHeaderName(name, remedy: "Countersign sets it."), let value = reader.headerSecret() else {
                return nil
            }
            _ = names.record(name.lowercased(), at: reader)
            return TraceSettings.Header(name: name, value: value)
        }
    }
}
