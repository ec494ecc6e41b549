import NIOCore

/// A request that a connection is answering, with what the route wants of its body.
struct RequestInProgress {
    let framing: HeadReader.Framing
    /// Why it is refused before any route sees it.
    let fault: HTTPFault?
    /// What the route takes of the body; nil before it asks for it and after it has got it.
    var wanted: Int?
    /// Whether the client sends nothing of the body before it is told to.
    var awaitsContinue: Bool
    private var body: BodyReader

    init(_ framing: HeadReader.Framing, limits: HeadLimits) {
        self.framing = framing
        fault = nil
        awaitsContinue = framing.expectsContinue
        body = BodyReader(framing.body, limits: limits)
    }

    /// One that was none.
    init(_ fault: HTTPFault, limits: HeadLimits) {
        framing = HeadReader.Framing()
        self.fault = fault
        awaitsContinue = false
        body = BodyReader(.none, limits: limits)
    }

    /// Reads what the route wants of the body.
    /// - Parameter isLast: whether nothing comes after `input`.
    /// - Returns: nil if the route wants nothing, or has to wait.
    mutating func readBody(_ input: inout ByteBuffer, isLast: Bool) -> ConnectionMachine.Body? {
        guard let limit = wanted else { return nil }
        let found: ConnectionMachine.Body
        switch body.read(&input, upTo: limit) {
        case .complete: found = .content(body.content)
        case .tooLarge: found = .tooLarge
        case .refused(let fault): found = .refused(fault)
        case .more where isLast: found = .refused(.bodyIncomplete)
        case .more: return nil
        }
        wanted = nil
        return found
    }

    /// Drops what the route has left of the body.
    /// - Returns: whether that was all of it, so that another request may follow.
    mutating func dropBody(_ input: inout ByteBuffer) -> Bool {
        fault == nil && body.read(&input, upTo: ConnectionMachine.aheadBytes) == .complete
    }
}
