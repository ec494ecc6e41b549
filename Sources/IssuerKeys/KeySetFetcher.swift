package import AsyncHTTPClient
import NIOCore
import NIOHTTP1
package import NIOSSL

/// Fetches one key set over HTTP: bounded in bytes and in time, no redirects, status 200 only.
///
/// The content type is not looked at; issuers get it wrong, and the document is judged by what it says.
package struct KeySetFetcher: Sendable {
    /// Bytes of a document; what goes on beyond is cut off unread.
    package static let byteLimit = 256 * 1024

    private let client: HTTPClient
    private let url: String
    private let timeout: Duration
    private let tls: TLSConfiguration
    private let sleep: @Sendable (Duration) async throws -> Void

    /// - Parameters:
    ///   - client: one for all tenants, made with ``clientConfiguration``.
    ///   - timeout: for everything, from the look-up of the name to the last byte.
    ///   - trustRoots: nil for the system's.
    package init(
        client: HTTPClient, url: String, timeout: Duration, trustRoots: [NIOSSLCertificate]? = nil,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.client = client
        self.url = url
        self.timeout = timeout
        self.sleep = sleep
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let trustRoots { tls.trustRoots = .certificates(trustRoots) }
        self.tls = tls
    }

    /// How the shared client must be made. Redirects belong to the client, and a key set comes from where the
    /// configuration says or not at all; retries are ours, since the library's would hide why a connection failed.
    package static var clientConfiguration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow, decompression: .disabled)
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }

    package func callAsFunction() async throws(KeySetFetchFailure) -> [UInt8] {
        let result = await withTaskGroup(of: Result<[UInt8], KeySetFetchFailure>.self) { group in
            group.addTask { await document() }
            group.addTask {
                try? await sleep(timeout)
                return .failure(KeySetFetchFailure("timed out after \(Self.text(timeout))"))
            }
            defer { group.cancelAll() }
            return await group.next() ?? .failure(KeySetFetchFailure("cancelled"))
        }
        return try result.get()
    }

    private func document() async -> Result<[UInt8], KeySetFetchFailure> {
        do {
            var request = HTTPClientRequest(url: url)
            request.headers.add(name: "Accept", value: "application/jwk-set+json, application/json")
            request.headers.add(name: "User-Agent", value: "countersign")
            request.tlsConfiguration = tls
            let response = try await client.execute(request, deadline: .now() + TimeAmount(timeout))
            guard response.status == .ok else { throw KeySetFetchFailure("status \(response.status.code)") }
            var document: [UInt8] = []
            for try await piece in response.body {
                guard document.count + piece.readableBytes <= Self.byteLimit else {
                    throw KeySetFetchFailure("larger than \(Self.byteLimit) bytes")
                }
                document.append(contentsOf: piece.readableBytesView)
            }
            return .success(document)
        } catch {
            return .failure(KeySetFetchFailure(error))
        }
    }

    /// `2s`, `250ms`: as the configuration writes it.
    private static func text(_ duration: Duration) -> String {
        let milliseconds = Int64(duration / .milliseconds(1))
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
    }
}
