package import TokenExchange
import Tracing

/// What spans are sent with: which process of which service they come from.
package struct TraceResource: Sendable {
    private let attributes: SpanAttributes
    private let version: String

    /// - Parameter instance: tells processes of one service from each other.
    package init(service: String, instance: String, version: String) {
        attributes = [
            "service.name": .string(service), "service.instance.id": .string(instance),
            "service.version": .string(version),
        ]
        self.version = version
    }

    /// The body of a request to a collector: an `ExportTraceServiceRequest` of OTLP 1 in JSON.
    func request(with spans: [JSONValue]) -> [UInt8] {
        let scope = JSONValue.object([
            .init("name", .string("countersign")), .init("version", .string(version)),
        ])
        let resource = JSONValue.object([.init("attributes", attributes.json)])
        let scopeSpans = JSONValue.object([.init("scope", scope), .init("spans", .array(spans))])
        let all = JSONValue.object([.init("resource", resource), .init("scopeSpans", .array([scopeSpans]))])
        return JSONValue.object([.init("resourceSpans", .array([all]))]).text
    }
}

extension TraceSpan {
    /// By the JSON mapping of OTLP: ids in hexadecimal, integers of 64 bits as strings, enumerations as numbers.
    package var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("traceId", .string(place.traceID.paddedHexadecimal)),
            .init("spanId", .string(place.id.paddedHexadecimal)),
        ]
        if let parent = place.parentID { members.append(.init("parentSpanId", .string(parent.paddedHexadecimal))) }
        members += [
            .init("flags", .number(literal: String(isParentRemote ? Self.flags | Self.remote : Self.flags))),
            .init("name", .string(name)),
            .init("kind", .number(literal: String(kind.number))),
            .init("startTimeUnixNano", .string(String(period.start))),
            .init("endTimeUnixNano", .string(String(period.end))),
            .init("attributes", attributes.json),
        ]
        if let status { members.append(.init("status", status.json)) }
        return .object(members)
    }

    /// Sampled, and it is known whether the parent is remote.
    private static let flags = 0x101
    private static let remote = 0x200
}

extension SpanKind {
    fileprivate var number: Int {
        switch self {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
    }
}

extension SpanStatus {
    fileprivate var json: JSONValue {
        .object([.init("code", .number(literal: code == .error ? "2" : "1"))])
    }
}

extension SpanAttributes {
    /// Strings and integers, sorted by name; there are no others.
    fileprivate var json: JSONValue {
        var members: [(name: String, value: JSONValue)] = []
        forEach { name, attribute in
            switch attribute {
            case .string(let text): members.append((name, .object([.init("stringValue", .string(text))])))
            case .int64(let number): members.append((name, .object([.init("intValue", .string(String(number)))])))
            default: break
            }
        }
        return .array(
            members.sorted { $0.name < $1.name }.map {
                .object([.init("key", .string($0.name)), .init("value", $0.value)])
            })
    }
}
