import NIOCore

/// The request that a connection is answering, and how much of its body the route wants.
struct RequestInProgress {
    let framing: HeadReader.Framing
    /// Why it is refused before any route sees it; nil for a request that a route answers.
    let fault: HTTPFault?
    /// How many bytes of body the route accepts; nil before it asks for the body and after it has got it.
    var wanted: Int?
    /// Whether the client waits to be told before it sends the body.
    var awaitsContinue: Bool
    private var body: BodyReader

    /// - Parameter limits: of the trailers.
    init(_ framing: HeadReader.Framing, limits: HeadLimits) {
        self.framing = framing
        fault = nil
        awaitsContinue = framing.expectsContinue
        body = BodyReader(framing.body, limits: limits)
    }

    /// For bytes that are not a request.
    init(_ fault: HTTPFault, limits: HeadLimits) {
        framing = HeadReader.Framing()
        self.fault = fault
        awaitsContinue = false
        body = BodyReader(.none, limits: limits)
    }

    /// Reads the body for the route.
    /// - Parameter isLast: whether nothing will arrive after `input`.
    /// - Returns: nil if the route has not asked for the body, or has to wait for it.
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

    /// Drops the rest of the body that the route did not read.
    /// - Returns: whether the body is complete, so that another request may follow.
    mutating func dropBody(_ input: inout ByteBuffer) -> Bool {
        fault == nil && body.read(&input, upTo: ConnectionMachine.aheadBytes) == .complete
    }
}
