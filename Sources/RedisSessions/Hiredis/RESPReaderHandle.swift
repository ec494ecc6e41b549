import CHiredis
package import NIOCore

/// hiredis' incremental reply parser: bytes in, whole replies out. It owns the C reader and does no I/O.
///
/// After a ``RESPProtocolError`` the reader stays broken; its owner closes the connection.
@safe package struct RESPReaderHandle: ~Copyable {
    /// hiredis allocates an array's elements as soon as it has read their number. Our longest is a full table of
    /// revocations, names and values.
    package static let maximumArrayCount = Int32(1 << 16)
    /// More than any reply that we expect: a revocation takes less than 64 bytes for each word, a record some hundred.
    package static let maximumReplyBytes = Int(maximumArrayCount) * 64

    private let reader: UnsafeMutablePointer<redisReader>  // owned
    private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>  // owned; outlives the reader
    private var bytesSinceReply = 0

    /// Allocates the C reader, which ends with the handle.
    package init() {
        guard let reader = unsafe redisReaderCreate(), let defaults = unsafe reader.pointee.fn else {
            preconditionFailure("hiredis could not allocate a reader")
        }
        unsafe functions = .allocate(capacity: 1)
        unsafe functions.initialize(to: defaults.pointee)
        unsafe functions.pointee.createArray = boundedArray
        unsafe functions.pointee.createString = checkedString
        unsafe reader.pointee.fn = functions
        unsafe reader.pointee.privdata = UnsafeMutableRawPointer(defaults)
        unsafe self.reader = reader
    }

    deinit {
        unsafe redisReaderFree(reader)
        unsafe functions.deallocate()
    }

    /// Copies the bytes; ``next()`` makes replies of them.
    package mutating func feed(_ bytes: ByteBufferView) throws(RESPProtocolError) {
        let status = unsafe bytes.withUnsafeBytes { bytes in
            unsafe redisReaderFeed(reader, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        guard status == REDIS_OK else { throw RESPProtocolError() }
        bytesSinceReply += bytes.count
    }

    /// The next whole reply, or nil until more bytes are fed.
    package mutating func next() throws(RESPProtocolError) -> RESPReply? {
        var object: UnsafeMutableRawPointer?
        guard unsafe redisReaderGetReply(reader, &object) == REDIS_OK else { throw RESPProtocolError() }
        guard let object = unsafe object else {
            guard bytesSinceReply <= Self.maximumReplyBytes else { throw RESPProtocolError() }
            return nil
        }
        defer { unsafe freeReplyObject(object) }
        bytesSinceReply = unsafe reader.pointee.len - reader.pointee.pos
        return unsafe RESPReply(object.assumingMemoryBound(to: redisReply.self).pointee)
    }
}

/// hiredis' own array maker behind a bound; nil fails the reader. The task's private data is the table of hiredis' functions.
private func boundedArray(_ task: UnsafePointer<redisReadTask>?, count: Int32) -> UnsafeMutableRawPointer? {
    guard count <= RESPReaderHandle.maximumArrayCount, let task = unsafe task,
        let defaults = unsafe task.pointee.privdata?.assumingMemoryBound(to: redisReplyObjectFunctions.self)
    else { return nil }
    return unsafe defaults.pointee.createArray(task, count)
}

/// hiredis' own string maker behind checks that hiredis leaves out. Without them a damaged byte would go unnoticed, and the
/// replies after it to other commands' callers.
///
/// A string is made once its line end has come too, so the two bytes after a bulk are there to be read.
private func checkedString(
    _ task: UnsafePointer<redisReadTask>?, text: UnsafeMutablePointer<CChar>?, count: Int
) -> UnsafeMutableRawPointer? {
    guard let task = unsafe task, let text = unsafe text,
        let defaults = unsafe task.pointee.privdata?.assumingMemoryBound(to: redisReplyObjectFunctions.self)
    else { return nil }
    let isWhole =
        switch unsafe task.pointee.type {
        case REDIS_REPLY_STRING: unsafe UnsafeRawBufferPointer(start: text + count, count: 2).elementsEqual([13, 10])
        case REDIS_REPLY_ERROR:
            unsafe UnsafeRawBufferPointer(start: text, count: count).isLine(startingWithLetter: true)
        default: unsafe UnsafeRawBufferPointer(start: text, count: count).isLine(startingWithLetter: false)
        }
    return isWhole ? unsafe defaults.pointee.createString(task, text, count) : nil
}

extension UnsafeRawBufferPointer {
    /// Every error of a server starts with a letter; a length or a number with a damaged byte before it does not.
    fileprivate func isLine(startingWithLetter isError: Bool) -> Bool {
        if isError, unsafe !(first.map { (0x41...0x5A).contains($0 & 0xDF) } ?? false) { return false }
        return unsafe allSatisfy { $0 != 13 && $0 != 10 }
    }
}

extension RESPReply {
    /// Copies all of a reply of hiredis, which stays its owner's; nil if it is of no type of RESP2.
    fileprivate init?(_ reply: redisReply) {
        switch unsafe reply.type {
        case REDIS_REPLY_STATUS: self = .status(unsafe String(decoding: reply.text, as: UTF8.self))
        case REDIS_REPLY_ERROR:
            self = .init(error: unsafe String(decoding: reply.text, as: UTF8.self))
        case REDIS_REPLY_INTEGER: self = unsafe .integer(reply.integer)
        case REDIS_REPLY_STRING: self = unsafe .bulk(Array(reply.text))
        case REDIS_REPLY_NIL: self = .null
        case REDIS_REPLY_ARRAY:
            var elements = [RESPReply]()
            for index in 0..<(unsafe reply.elements) {
                guard let element = unsafe reply.element[index], let value = unsafe RESPReply(element.pointee) else {
                    return nil
                }
                elements.append(value)
            }
            self = .array(elements)
        default: return nil
        }
    }
}

extension redisReply {
    fileprivate var text: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: str, count: len) }
}
