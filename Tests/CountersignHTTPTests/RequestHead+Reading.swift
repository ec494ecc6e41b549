import CountersignHTTP
import NIOCore

extension RequestHead {
    /// The head of a request as it comes over a connection.
    static func reading(_ text: String) throws -> RequestHead {
        var reader = HeadReader(HeadLimits())
        var input = ByteBuffer(string: text)
        switch reader.read(&input) {
        case .head(let head, _): return head
        case .refused(let fault): throw fault
        case .more: throw HTTPFault.headIncomplete
        }
    }
}

/// A body that has come already.
struct GivenBody: RequestBody {
    let bytes: [UInt8]

    func collect(upTo limit: Int) async throws(Problem) -> [UInt8] {
        guard bytes.count <= limit else { throw Problem(.bodyTooLarge) }
        return bytes
    }
}
