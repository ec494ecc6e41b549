package import Outbound

/// Fetches one key set over HTTP: bounded in bytes and in time, no redirects, status 200 only.
///
/// The content type is not looked at; issuers get it wrong, and the document is judged by what it says.
package struct KeySetFetcher: Sendable {
    /// Bytes of a document; what goes on beyond is cut off unread.
    package static let byteLimit = 256 * 1024

    private let client: OutboundClient
    private let request: OutboundRequest
    private let timeout: Duration

    /// - Parameters:
    ///   - client: made for documents of ``byteLimit``.
    ///   - timeout: for everything, from the look-up of the name to the last byte.
    package init(client: OutboundClient, url: String, timeout: Duration) {
        self.client = client
        self.timeout = timeout
        request = OutboundRequest(
            "GET", url, headers: [("Accept", "application/jwk-set+json, application/json")])
    }

    /// The document, unread.
    package func callAsFunction() async throws(KeySetFetchFailure) -> [UInt8] { try await answer().body }

    /// The same with its headers.
    package func answer() async throws(KeySetFetchFailure) -> OutboundAnswer {
        do throws(OutboundFault) {
            let answer = try await client.answer(to: request, within: timeout)
            guard answer.status == 200 else { throw OutboundFault(.refused, "status \(answer.status)") }
            return answer
        } catch { throw KeySetFetchFailure(error.cause) }
    }
}
