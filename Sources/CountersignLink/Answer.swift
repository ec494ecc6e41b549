import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A whole answer over HTTP, of bounded length. Redirects are not followed: the token is for Countersign alone.
struct Answer: Sendable {
    let status: Int
    let body: Data

    /// Nil if it does not come whole, is longer, or the task is cancelled.
    init?(to request: URLRequest, maximumBytes: Int) async {
        let (events, reader) = AsyncThrowingStream<Event, any Error>.makeStream()
        let session = URLSession(configuration: .ephemeral, delegate: Reader(events: reader), delegateQueue: nil)
        defer { session.invalidateAndCancel() }
        session.dataTask(with: request).resume()
        var status: Int?
        var body = Data()
        do {
            for try await event in events {
                switch event {
                case .head(let code): status = code
                case .bytes(let bytes): body += bytes
                }
                if body.count > maximumBytes { return nil }
            }
        } catch { return nil }
        guard let status, !Task.isCancelled else { return nil }
        self.status = status
        self.body = body
    }

    private enum Event {
        case head(Int)
        case bytes(Data)
    }

    private final class Reader: NSObject, URLSessionDataDelegate {
        private let events: AsyncThrowingStream<Event, any Error>.Continuation

        init(events: AsyncThrowingStream<Event, any Error>.Continuation) {
            self.events = events
        }

        func urlSession(
            _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
            completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
        ) {
            if let response = response as? HTTPURLResponse { events.yield(.head(response.statusCode)) }
            completionHandler(.allow)
        }

        func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
            events.yield(.bytes(data))
        }

        func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
            events.finish(throwing: error)
        }

        func urlSession(
            _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
            newRequest request: URLRequest, completionHandler: @escaping (URLRequest?) -> Void
        ) {
            completionHandler(nil)
        }
    }
}
