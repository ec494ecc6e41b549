import CountersignHTTP
import NIOCore

/// A machine of a connection, what happens to it, and what it then wants done. Its clock stands still until it is told to move.
struct ConnectionLine {
    private(set) var machine: ConnectionMachine
    private(set) var now = NIODeadline.uptimeNanoseconds(0)
    static let times = ConnectionTimes(request: .seconds(10), idle: .seconds(75))

    init(isSecure: Bool = false) {
        machine = ConnectionMachine(
            limits: HeadLimits(), times: Self.times, isSecure: isSecure, now: .uptimeNanoseconds(0))
    }

    mutating func receive(_ text: String) -> [String] {
        machine.received(ByteBuffer(string: text))
        return actions()
    }

    mutating func end() -> [String] {
        machine.inputClosed()
        return actions()
    }

    mutating func pass(_ time: TimeAmount) -> [String] {
        now = now + time
        machine.timePassed(now)
        return actions()
    }

    mutating func order(_ body: (inout ConnectionMachine, NIODeadline) -> Void) -> [String] {
        body(&machine, now)
        return actions()
    }

    mutating func collect(_ limit: Int = 100) -> [String] {
        if let body = machine.collect(upTo: limit, now) { return ["at once " + Self.text(body)] }
        return actions()
    }

    /// - Parameter isTaken: whether the kernel takes all of it.
    mutating func answer(isTaken: Bool = true) -> [String] {
        let persistence = machine.answered(now)
        machine.wrote(isDone: isTaken, now)
        return ["\(persistence)"] + actions()
    }

    mutating func taken() -> [String] {
        machine.wrote(isDone: true, now)
        return actions()
    }

    private mutating func actions() -> [String] {
        var actions: [String] = []
        while true {
            switch machine.next(now) {
            case .none: return actions
            case .start(let head): actions.append("start \(head.path)")
            case .refuse(let fault): actions.append("refuse \(fault.rawValue)")
            case .sendContinue: actions.append("continue")
            case .deliver(let body): actions.append("deliver " + Self.text(body))
            case .closeOutput(let reason): actions.append("close output \(reason.rawValue)")
            case .close(let reason): actions.append("close \(reason.rawValue)")
            }
        }
    }

    private static func text(_ body: ConnectionMachine.Body) -> String {
        switch body {
        case .content(let bytes): String(decoding: bytes, as: UTF8.self)
        case .tooLarge: "too large"
        case .refused(let fault): fault.rawValue
        }
    }

    static func get(_ path: String = "/", _ fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n"
    }

    static func post(_ length: Int, _ body: String = "", _ fields: String = "") -> String {
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \(length)\r\n\(fields)\r\n\(body)"
    }
}
