import Glibc
import SessionModel

/// The types of the MaxMind DB format 2.0, by their numbers.
enum MMDBType {
    static let pointer: UInt8 = 1
    static let string: UInt8 = 2
    static let double: UInt8 = 3
    static let bytes: UInt8 = 4
    static let uint16: UInt8 = 5
    static let uint32: UInt8 = 6
    static let map: UInt8 = 7
    static let int32: UInt8 = 8
    static let uint64: UInt8 = 9
    static let uint128: UInt8 = 10
    static let array: UInt8 = 11
    static let boolean: UInt8 = 14
    static let float: UInt8 = 15
}

/// One value's control bytes, its pointer followed.
struct MMDBValue {
    var type: UInt8
    /// Bytes of a scalar, pairs of a map, elements of an array, the value itself of a boolean.
    var size: Int
    /// Where the payload begins.
    var start: Int
    /// Reached through a pointer, so that the cursor already stands behind it.
    var isIndirect: Bool

    var isContainer: Bool { type == MMDBType.map || type == MMDBType.array }
}

/// Reads the data section in place, in one pass, and believes nothing it reads.
///
/// libmaxminddb opens the file and searches its tree; the records are read here, because asking it
/// for ten paths walks the record ten times, and because its skipping of nested containers recurses
/// as deep as the file says (1.7.1). Every offset is checked against the section, nesting is limited
/// to `depthLimit` and the work for one record to `valueLimit` values. After nil or false the cursor
/// is of no more use: the record is damaged.
struct MMDBCursor {
    /// Real records nest five deep.
    static let depthLimit = 16
    /// Real records hold about a hundred values, in all languages.
    static let valueLimit = 8192

    let base: UnsafePointer<UInt8>
    let end: Int
    var offset: Int
    var valuesLeft = MMDBCursor.valueLimit

    init(base: UnsafePointer<UInt8>, end: Int, offset: Int) {
        (self.base, self.end, self.offset) = (base, end, offset)
    }

    /// The next value. Behind it stands the cursor, or before the first child of a container that
    /// was not reached through a pointer.
    @inline(__always) mutating func next() -> MMDBValue? {
        guard offset >= 0, offset < end, valuesLeft > 0 else { return nil }
        valuesLeft &-= 1
        let control = base[offset]
        guard control &>> 5 == MMDBType.pointer else { return here(isIndirect: false) }
        let width = Int(control &>> 3 & 3) &+ 1
        guard offset &+ 1 &+ width <= end else { return nil }
        var target = width == 4 ? 0 : Int(control & 7)
        for k in 1...width { target = target &<< 8 | Int(base[offset &+ k]) }
        if width == 2 { target &+= 2048 } else if width == 3 { target &+= 526_336 }
        let behind = offset &+ 1 &+ width
        offset = target
        guard offset < end, base[offset] &>> 5 != MMDBType.pointer,
            let value = here(isIndirect: true)
        else { return nil }
        offset = behind
        return value
    }

    @inline(__always) private mutating func here(isIndirect: Bool) -> MMDBValue? {
        let control = base[offset]
        var at = offset &+ 1
        var type = control &>> 5
        if type == 0 {
            guard at < end else { return nil }
            let extended = base[at]
            guard extended >= 1, extended <= 8 else { return nil }
            type = extended &+ 7
            at &+= 1
        }
        var size = Int(control & 31)
        if size >= 29 {
            let extra = size &- 28
            guard at &+ extra <= end else { return nil }
            var more = 0
            for k in 0..<extra { more = more &<< 8 | Int(base[at &+ k]) }
            size = more &+ (extra == 1 ? 29 : extra == 2 ? 285 : 65_821)
            at &+= extra
        }
        let value = MMDBValue(type: type, size: size, start: at, isIndirect: isIndirect)
        let isRight =
            switch type {
            case MMDBType.string, MMDBType.bytes: size <= end &- at
            case MMDBType.double: size == 8 && size <= end &- at
            case MMDBType.float: size == 4 && size <= end &- at
            case MMDBType.uint16: size <= 2 && size <= end &- at
            case MMDBType.uint32, MMDBType.int32: size <= 4 && size <= end &- at
            case MMDBType.uint64: size <= 8 && size <= end &- at
            case MMDBType.uint128: size <= 16 && size <= end &- at
            case MMDBType.boolean: size <= 1
            // A child takes a byte at least.
            case MMDBType.map: size <= (end &- at) / 2
            case MMDBType.array: size <= end &- at
            default: false
            }
        guard isRight else { return nil }
        offset = value.isContainer || type == MMDBType.boolean ? at : at &+ size
        return value
    }

    /// Calls `body` for each pair with the key, the cursor standing before the value, which `body`
    /// must take or skip.
    @inline(__always) mutating func eachPair(
        of map: MMDBValue, _ body: (_ key: TextView, _ cursor: inout MMDBCursor) -> Bool
    ) -> Bool {
        let behind = offset
        if map.isIndirect { offset = map.start }
        for _ in 0..<map.size {
            guard let key = next(), key.type == MMDBType.string else { return false }
            guard body(text(key), &self) else { return false }
        }
        if map.isIndirect { offset = behind }
        return true
    }

    /// Steps over the next value.
    mutating func skip(depth: Int) -> Bool {
        guard depth > 0, let value = next() else { return false }
        guard value.isContainer, !value.isIndirect else { return true }
        let children = value.type == MMDBType.map ? value.size * 2 : value.size
        for _ in 0..<children {
            guard skip(depth: depth - 1) else { return false }
        }
        return true
    }

    /// Steps over the next value and checks all of it, also behind pointers.
    mutating func check(depth: Int = MMDBCursor.depthLimit) -> Bool {
        guard depth > 0, let value = next() else { return false }
        switch value.type {
        case MMDBType.map:
            return eachPair(of: value) { _, cursor in cursor.check(depth: depth - 1) }
        case MMDBType.array:
            let behind = offset
            if value.isIndirect { offset = value.start }
            for _ in 0..<value.size {
                guard check(depth: depth - 1) else { return false }
            }
            if value.isIndirect { offset = behind }
            return true
        default:
            return true
        }
    }

    // MARK: Scalars; of the wrong type they are nil, not damage

    @inline(__always) func text(_ value: MMDBValue) -> TextView {
        TextView(base: base + value.start, count: value.size)
    }

    func unsigned(_ value: MMDBValue) -> UInt64? {
        switch value.type {
        case MMDBType.uint16, MMDBType.uint32, MMDBType.uint64: break
        default: return nil
        }
        var number: UInt64 = 0
        for k in 0..<value.size { number = number &<< 8 | UInt64(base[value.start &+ k]) }
        return number
    }

    func real(_ value: MMDBValue) -> Double? {
        let raw = UnsafeRawPointer(base + value.start)
        switch value.type {
        case MMDBType.double:
            return Double(bitPattern: UInt64(bigEndian: raw.loadUnaligned(as: UInt64.self)))
        case MMDBType.float:
            return Double(Float(bitPattern: UInt32(bigEndian: raw.loadUnaligned(as: UInt32.self))))
        case MMDBType.string:
            return decimal(text(value))
        default:
            return unsigned(value).map(Double.init)
        }
    }

    /// A boolean, or IPinfo's older texts `"true"` and `""`.
    func flag(_ value: MMDBValue) -> Bool {
        switch value.type {
        case MMDBType.boolean: value.size == 1
        case MMDBType.string: text(value) == "true"
        default: false
        }
    }

    /// `-12.75`, as older IPinfo files write coordinates. At most 24 characters, no exponent.
    private func decimal(_ text: TextView) -> Double? {
        guard text.count > 0, text.count <= 24 else { return nil }
        var digits = 0.0
        var scale = 1.0
        var (seenPoint, seenDigit) = (false, false)
        for (i, byte) in text.bytes.enumerated() {
            switch byte {
            case 0x30...0x39:
                digits = digits * 10 + Double(byte - 0x30)
                if seenPoint { scale *= 10 }
                seenDigit = true
            case 0x2E where !seenPoint: seenPoint = true
            case 0x2D where i == 0: break
            default: return nil
            }
        }
        guard seenDigit else { return nil }
        return (text.bytes[0] == 0x2D ? -digits : digits) / scale
    }
}

extension TextView {
    /// Whether the bytes are well-formed UTF-8 (Unicode 15, table 3-7) without control characters.
    var isCleanUTF8: Bool {
        let p = bytes
        var i = 0
        while i < p.count {
            let c = p[i]
            if c < 0x80 {
                guard c >= 0x20, c != 0x7F else { return false }
                i += 1
                continue
            }
            let (length, low, high): (Int, UInt8, UInt8) =
                switch c {
                case 0xC2...0xDF: (2, 0x80, 0xBF)
                case 0xE0: (3, 0xA0, 0xBF)
                case 0xED: (3, 0x80, 0x9F)
                case 0xE1...0xEF: (3, 0x80, 0xBF)
                case 0xF0: (4, 0x90, 0xBF)
                case 0xF1...0xF3: (4, 0x80, 0xBF)
                case 0xF4: (4, 0x80, 0x8F)
                default: (0, 0, 0)
                }
            guard length > 0, i + length <= p.count, p[i + 1] >= low, p[i + 1] <= high else {
                return false
            }
            // C1 controls are C2 80 … C2 9F.
            if c == 0xC2, p[i + 1] < 0xA0 { return false }
            for k in 2..<max(2, length) where p[i + k] & 0xC0 != 0x80 { return false }
            i += length
        }
        return true
    }
}
