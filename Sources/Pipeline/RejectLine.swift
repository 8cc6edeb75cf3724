import SessionModel

/// A refused line as a line of JSON, so that a program can put it right and hand it in again.
enum RejectLine {
    static func json(_ reject: Reject) -> [UInt8] {
        var out: [UInt8] = []
        out += Array("{\"source\":".utf8)
        write(reject.source, &out)
        out += Array(",\"line\":\(reject.line),\"reason\":".utf8)
        write(reject.reason, &out)
        out += Array(",\"text\":".utf8)
        write(reject.text, &out)
        out += Array("}\n".utf8)
        return out
    }

    private static func write(_ text: String, _ out: inout [UInt8]) {
        out.append(0x22)
        for byte in text.utf8 {
            switch byte {
            case 0x22, 0x5C:
                out.append(0x5C)
                out.append(byte)
            case 0..<0x20, 0x7F:
                out += Array("\\u00".utf8)
                let digits = Array("0123456789abcdef".utf8)
                out.append(digits[Int(byte >> 4)])
                out.append(digits[Int(byte & 15)])
            default: out.append(byte)
            }
        }
        out.append(0x22)
    }
}
