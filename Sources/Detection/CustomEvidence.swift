import SessionModel

/// What a sighting keeps for a team's own rules that it fits: for each rule its key, its value, and
/// the fields that a person is shown. A text in the profile's heap, so that a sighting that fits none
/// has nothing more to carry.
///
/// Each part: rule's hash (4 bytes), key (8), value (8), how many fields (1), then for each field its
/// number (1), its length (1), its text.
enum CustomEvidence {
    /// Bytes of all parts; what a person is shown is left out beyond.
    static let limit = 16 << 10
    /// Of a field's text; a user's id, which an alert is of, is kept whole.
    static let fieldLimit = 96
    private static let userLimit = 255

    struct Part {
        var rule: UInt32
        /// Of the values that a rule counts by, its user left out.
        var key: UInt64
        /// Of the value that is told apart; 0: it has none.
        var value: UInt64
        fileprivate var items: UnsafeRawBufferPointer
    }

    // MARK: Writing

    static func write(
        _ s: UnsafePointer<Sighting>, _ detectors: CustomDetectors, into heap: inout Block<UInt8>
    ) -> TextRef {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: limit + 4096) { buffer in
            var writer = Writer(buffer: buffer)
            if s.pointee.keyRule > 0 {
                let slot = Int(s.pointee.keyRule) - 1
                if slot < detectors.entries.count {
                    writer.add(detectors.entries[slot], s, isOfKey: true)
                }
            } else {
                var rest = s.pointee.matched
                while rest != 0 {
                    let slot = rest.trailingZeroBitCount
                    rest &= rest &- 1
                    if slot < detectors.entries.count {
                        writer.add(detectors.entries[slot], s, isOfKey: false)
                    }
                }
            }
            return heap.addText(TextView(base: buffer.baseAddress, count: writer.count))
        }
    }

    private struct Writer {
        let buffer: UnsafeMutableBufferPointer<UInt8>
        var count = 0

        mutating func put<T: BitwiseCopyable>(_ value: T) {
            UnsafeMutableRawPointer(buffer.baseAddress.unsafelyUnwrapped + count)
                .storeBytes(of: value, as: T.self)
            count += MemoryLayout<T>.size
        }

        mutating func add(
            _ entry: CustomDetectors.Entry, _ s: UnsafePointer<Sighting>, isOfKey: Bool
        ) {
            let zone = entry.custom.zone
            var key: UInt64 = 0
            if !isOfKey {
                for field in entry.custom.by ?? [] where field != .userID {
                    // As in Sigma, what has no value for the key is not counted.
                    guard let hash = field.hash(s, zone) else { return }
                    key = mix(key, hash.0)
                }
            }
            var value: UInt64 = 0
            if let field = entry.custom.value {
                guard let hash = field.hash(s, zone) else { return }
                value = hash.0
            }
            put(entry.hash)
            put(key)
            put(value)
            let start = count
            put(UInt8(0))
            var items: UInt8 = 0
            if isOfKey {
                // Whose profile it is does not say whose record it is.
                if put(.userID, s, zone) { items += 1 }
                if put(.userName, s, zone) { items += 1 }
            }
            for field in entry.shown where !(isOfKey && (field == .userID || field == .userName)) {
                if count > CustomEvidence.limit { break }
                if put(field, s, zone) { items += 1 }
            }
            buffer[start] = items
        }

        private mutating func put(
            _ field: RecordField, _ s: UnsafePointer<Sighting>, _ zone: ClockZone
        ) -> Bool {
            guard field.exists(s, zone) || field.shape == .word else { return false }
            let begin = count
            put(field.rawValue)
            put(UInt8(0))
            let limit = field == .userID ? userLimit : fieldLimit
            if field.shape == .text {
                let text = field.text(s).prefix(limit)
                if let base = text.base, text.count > 0 {
                    (buffer.baseAddress.unsafelyUnwrapped + count).update(
                        from: base, count: text.count)
                    count += text.count
                }
            } else {
                for byte in field.shown(s, zone).utf8.prefix(limit) { put(byte) }
            }
            buffer[begin + 1] = UInt8(count - begin - 2)
            return true
        }
    }

    // MARK: Reading

    /// Hands out the parts; stops at what is no part, as in a damaged row.
    static func forEach(_ text: TextView, _ body: (Part) -> Void) {
        let raw = UnsafeRawBufferPointer(start: text.base, count: text.count)
        var at = 0
        while at + 21 <= raw.count {
            let rule = raw.loadUnaligned(fromByteOffset: at, as: UInt32.self)
            let key = raw.loadUnaligned(fromByteOffset: at + 4, as: UInt64.self)
            let value = raw.loadUnaligned(fromByteOffset: at + 12, as: UInt64.self)
            let items = raw[at + 20]
            let start = at + 21
            var end = start
            for _ in 0..<items {
                guard end + 2 <= raw.count, end + 2 + Int(raw[end + 1]) <= raw.count else { return }
                end += 2 + Int(raw[end + 1])
            }
            body(
                Part(
                    rule: rule, key: key, value: value,
                    items: UnsafeRawBufferPointer(rebasing: raw[start..<end])))
            at = end
        }
    }

    /// The fields of a rule's part, in order.
    static func fields(
        of rule: UInt32, in text: TextView
    ) -> [(field: RecordField, text: String)] {
        var found: [(field: RecordField, text: String)] = []
        forEach(text) { part in
            guard part.rule == rule, found.isEmpty else { return }
            var at = 0
            while at + 2 <= part.items.count {
                let length = Int(part.items[at + 1])
                if let field = RecordField(rawValue: part.items[at]) {
                    found.append(
                        (
                            field,
                            String(decoding: part.items[at + 2..<at + 2 + length], as: UTF8.self)
                        ))
                }
                at += 2 + length
            }
        }
        return found
    }
}

extension RecordField {
    /// A value that is no text, for a person.
    func shown(_ s: UnsafePointer<Sighting>, _ zone: ClockZone) -> String {
        switch shape {
        case .text: return text(s).string
        case .word:
            let words = words
            let word = word(s, zone)
            return words.indices.contains(word) ? words[word] : ""
        case .address: return s.pointee.record.address.description
        case .key: return s.pointee.record.address.networkPrefixDescription
        case .number, .clock:
            guard let number = number(s, zone) else { return "" }
            if self == .timeOfDay {
                let minutes = Int(number)
                return "\(minutes / 600)\(minutes / 60 % 10):\(minutes % 60 / 10)\(minutes % 10)"
            }
            return number == number.rounded() ? String(Int(number)) : String(number)
        }
    }
}
