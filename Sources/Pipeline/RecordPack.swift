import SessionModel

/// Writes records in a compact form of their own: a column a kind of value, each text once.
///
/// ```text
/// segment = version (1), count, 6 columns, each with its length before it
/// ```
/// Numbers are LEB128, signed ones zigzag. Columns: times (to the one before, ms), kinds (event,
/// outcome and authentication, two bytes), addresses (4 or 16 bytes behind a length, 0 for none),
/// references (seven a record, see `RecordPack.texts`; 0 is the empty text, 1 the next new one, n the
/// new one of number n − 2), new texts (length, bytes), identities (length, bytes; or 0 and the eight
/// bytes of the content's hash).
///
/// Not kept: line and position in the source, which say nothing of the user.
/// - Cost: with its compression some 0.6 µs a record. Memory: of one batch.
struct RecordPacker {
    private var times: [UInt8] = []
    private var kinds: [UInt8] = []
    private var addresses: [UInt8] = []
    private var references: [UInt8] = []
    private var texts: [UInt8] = []
    private var identities: [UInt8] = []
    private var lastTime: Int64 = 0
    private(set) var count = 0
    private(set) var first = Int64.max
    private(set) var last = Int64.min

    /// A text that was written: where it is in the column, and its number.
    private struct Known {
        var hash: UInt64 = 0
        var offset: Int = 0
        var length: Int = 0
        /// And 2; 0 is an empty place.
        var reference: UInt32 = 0
    }
    private var table: [Known]
    private var newTexts: UInt32 = 0
    /// Texts come from attackers, who can make any quick hash collide: then a text is written again.
    private static let probes = 8

    init() { table = Array(repeating: Known(), count: 1 << 10) }

    mutating func add(_ record: UnsafePointer<Record>) {
        let time = record.pointee.time.milliseconds
        first = min(first, time)
        last = max(last, time)
        RecordPack.putSigned(time &- lastTime, &times)
        lastTime = time
        kinds.append(record.pointee.event.rawValue)
        kinds.append(record.pointee.outcome.rawValue << 4 | record.pointee.auth.rawValue)
        put(record.pointee.address)
        put(text: record.pointee.tenant)
        put(text: record.pointee.userID)
        put(text: record.pointee.userName)
        put(text: record.pointee.sessionID)
        put(text: record.pointee.deviceID)
        put(text: record.pointee.userAgent)
        put(text: record.pointee.application)
        RecordPack.put(UInt64(record.pointee.id.count), &identities)
        if record.pointee.id.isEmpty {
            withUnsafeBytes(of: record.pointee.contentHash.littleEndian) {
                identities.append(contentsOf: $0)
            }
        } else {
            identities.append(contentsOf: record.pointee.id.bytes)
        }
        count += 1
    }

    private mutating func put(_ address: IPAddress) {
        if address.isNone {
            addresses.append(0)
        } else if address.isV4 {
            addresses.append(4)
            withUnsafeBytes(of: address.v4.bigEndian) { addresses.append(contentsOf: $0) }
        } else {
            addresses.append(16)
            withUnsafeBytes(of: address.high.bigEndian) { addresses.append(contentsOf: $0) }
            withUnsafeBytes(of: address.low.bigEndian) { addresses.append(contentsOf: $0) }
        }
    }

    private mutating func put(text: TextView) {
        guard let base = text.base, text.count > 0 else {
            references.append(0)
            return
        }
        if 2 * Int(newTexts) >= table.count { grow() }
        let hash = RecordPacker.hash(text)
        let mask = table.count &- 1
        var free = -1
        for probe in 0..<RecordPacker.probes {
            let place = (Int(truncatingIfNeeded: hash) &+ probe) & mask
            let known = table[place]
            if known.reference == 0 {
                free = place
                break
            }
            guard known.hash == hash, known.length == text.count else { continue }
            let isSame = texts.withUnsafeBufferPointer {
                TextView(base: $0.baseAddress.unsafelyUnwrapped + known.offset, count: known.length)
                    == text
            }
            if isSame {
                RecordPack.put(UInt64(known.reference), &references)
                return
            }
        }
        references.append(1)
        RecordPack.put(UInt64(text.count), &texts)
        if free >= 0 {
            table[free] = Known(
                hash: hash, offset: texts.count, length: text.count, reference: newTexts &+ 2)
        }
        newTexts &+= 1
        texts.append(contentsOf: UnsafeBufferPointer(start: base, count: text.count))
    }

    private mutating func grow() {
        let old = table
        table = Array(repeating: Known(), count: 2 * old.count)
        for known in old where known.reference != 0 {
            for probe in 0..<RecordPacker.probes {
                let place = (Int(truncatingIfNeeded: known.hash) &+ probe) & (table.count &- 1)
                if table[place].reference == 0 {
                    table[place] = known
                    break
                }
            }
        }
    }

    private static func hash(_ text: TextView) -> UInt64 {
        guard let base = text.base else { return 0 }
        let raw = UnsafeRawPointer(base)
        var value = UInt64(truncatingIfNeeded: text.count) &* 0x9e37_79b9_7f4a_7c15
        var i = 0
        while i &+ 8 <= text.count {
            value =
                (value ^ raw.loadUnaligned(fromByteOffset: i, as: UInt64.self))
                &* 0xff51_afd7_ed55_8ccd
            value ^= value &>> 32
            i &+= 8
        }
        var rest: UInt64 = 0
        while i < text.count {
            rest = rest &<< 8 | UInt64(base[i])
            i &+= 1
        }
        value = (value ^ rest) &* 0xff51_afd7_ed55_8ccd
        return value ^ value &>> 32
    }

    /// Hands out the segment and begins the next one; empty without records.
    mutating func take(into out: inout [UInt8]) {
        guard count > 0 else { return }
        out.append(RecordPack.version)
        RecordPack.put(UInt64(count), &out)
        for column in [times, kinds, addresses, references, texts, identities] {
            RecordPack.put(UInt64(column.count), &out)
            out.append(contentsOf: column)
        }
        times.removeAll(keepingCapacity: true)
        kinds.removeAll(keepingCapacity: true)
        addresses.removeAll(keepingCapacity: true)
        references.removeAll(keepingCapacity: true)
        texts.removeAll(keepingCapacity: true)
        identities.removeAll(keepingCapacity: true)
        for i in table.indices { table[i].reference = 0 }
        (newTexts, lastTime, count, first, last) = (0, 0, 0, .max, .min)
    }
}

/// What packing and unpacking share.
enum RecordPack {
    static let version: UInt8 = 1
    /// Texts of a record, in this order: tenant, user id, user name, session id, device id, user agent,
    /// application.
    static let texts = 7

    @inline(__always)
    static func put(_ number: UInt64, _ out: inout [UInt8]) {
        var rest = number
        while rest >= 0x80 {
            out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest &>>= 7
        }
        out.append(UInt8(truncatingIfNeeded: rest))
    }

    @inline(__always)
    static func putSigned(_ number: Int64, _ out: inout [UInt8]) {
        put(UInt64(bitPattern: number &<< 1 ^ number &>> 63), &out)
    }

    /// Bytes that are read from front to back; nil beyond the end or for what cannot be.
    struct Reader {
        private(set) var rest: UnsafeRawBufferPointer

        init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

        var isAtEnd: Bool { rest.isEmpty }

        mutating func byte() -> UInt8? {
            guard let first = rest.first else { return nil }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
            return first
        }

        mutating func number() -> UInt64? {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while let next = byte() {
                if shift == 63, next > 1 { return nil }
                value |= UInt64(next & 0x7F) &<< shift
                if next < 0x80 { return value }
                shift += 7
                if shift > 63 { return nil }
            }
            return nil
        }

        mutating func signed() -> Int64? {
            guard let value = number() else { return nil }
            return Int64(bitPattern: value &>> 1) ^ -Int64(bitPattern: value & 1)
        }

        mutating func bytes(_ count: Int) -> UnsafeRawBufferPointer? {
            guard count >= 0, count <= rest.count else { return nil }
            let taken = UnsafeRawBufferPointer(rebasing: rest.prefix(count))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            return taken
        }

        mutating func text() -> TextView? {
            guard let count = number(), count <= UInt64(rest.count),
                let bytes = bytes(Int(count))
            else { return nil }
            return TextView(bytes.assumingMemoryBound(to: UInt8.self))
        }
    }
}

/// Reads what `RecordPacker` wrote.
enum RecordUnpacker {
    /// Appends the records of all segments in `bytes`, which they point into; false when it is damaged,
    /// with what was sound before.
    static func unpack(_ bytes: UnsafeRawBufferPointer, into records: inout [Record]) -> Bool {
        var reader = RecordPack.Reader(bytes)
        while !reader.isAtEnd {
            guard unpackSegment(&reader, into: &records) else { return false }
        }
        return true
    }

    private static func unpackSegment(
        _ reader: inout RecordPack.Reader, into records: inout [Record]
    ) -> Bool {
        guard reader.byte() == RecordPack.version, let count = reader.number() else { return false }
        var columns: [RecordPack.Reader] = []
        for _ in 0..<6 {
            guard let length = reader.number(), length <= UInt64(reader.rest.count),
                let column = reader.bytes(Int(length))
            else { return false }
            columns.append(RecordPack.Reader(column))
        }
        // Two bytes of kinds each.
        guard count == UInt64(columns[1].rest.count / 2) else { return false }
        records.reserveCapacity(records.count + Int(count))
        var time: Int64 = 0
        var texts: [TextView] = []
        for _ in 0..<count {
            var record = Record()
            guard let delta = columns[0].signed(), let event = columns[1].byte(),
                let how = columns[1].byte(), let address = readAddress(&columns[2])
            else { return false }
            time &+= delta
            record.time = Timestamp(milliseconds: time)
            record.address = address
            guard let event = EventKind(rawValue: event), let outcome = Outcome(rawValue: how >> 4),
                let auth = AuthMethod(rawValue: how & 15)
            else { return false }
            (record.event, record.outcome, record.auth) = (event, outcome, auth)
            var own = InlineArray<7, TextView>(repeating: TextView())
            for i in 0..<RecordPack.texts {
                guard let reference = columns[3].number() else { return false }
                switch reference {
                case 0: break
                case 1:
                    guard let text = columns[4].text() else { return false }
                    texts.append(text)
                    own[i] = text
                default:
                    guard reference - 2 < UInt64(texts.count) else { return false }
                    own[i] = texts[Int(reference - 2)]
                }
            }
            (record.tenant, record.userID, record.userName) = (own[0], own[1], own[2])
            (record.sessionID, record.deviceID) = (own[3], own[4])
            (record.userAgent, record.application) = (own[5], own[6])
            guard let id = columns[5].text() else { return false }
            if id.isEmpty {
                guard let hash = columns[5].bytes(8) else { return false }
                record.contentHash = UInt64(littleEndian: hash.loadUnaligned(as: UInt64.self))
            } else {
                record.id = id
            }
            records.append(record)
        }
        return true
    }

    private static func readAddress(_ column: inout RecordPack.Reader) -> IPAddress? {
        switch column.byte() {
        case 0: return IPAddress.none
        case 4:
            return column.bytes(4).map {
                IPAddress(v4: UInt32(bigEndian: $0.loadUnaligned(as: UInt32.self)))
            }
        case 16:
            return column.bytes(16).map {
                IPAddress(
                    high: UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)),
                    low: UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
            }
        default: return nil
        }
    }
}
