#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

/// What simdjson and the walker may read beyond a text.
constexpr size_t kPadding = 64;

/// Bump allocation in blocks that are kept for the next round.
class Arena {
   public:
    ~Arena() {
        for (auto &block : blocks_) free(block.data);
    }

    uint8_t *reserve(size_t length) {
        const size_t needed = (length + kPadding + 7) & ~size_t(7);
        while (current_ < blocks_.size()) {
            Block &block = blocks_[current_];
            if (block.size - used_ >= needed) {
                uint8_t *result = block.data + used_;
                used_ += needed;
                return result;
            }
            ++current_;
            used_ = 0;
        }
        const size_t size = needed > kBlockSize ? needed : kBlockSize;
        auto *data = static_cast<uint8_t *>(calloc(1, size));
        if (data == nullptr) return nullptr;
        blocks_.push_back({data, size});
        current_ = blocks_.size() - 1;
        used_ = needed;
        return data;
    }

    void give_back(size_t length, size_t kept) {
        used_ -= ((length + kPadding + 7) & ~size_t(7)) - ((kept + kPadding + 7) & ~size_t(7));
    }

    void reset() {
        // One odd round must not hold its memory for ever.
        while (blocks_.size() > kKept) {
            free(blocks_.back().data);
            blocks_.pop_back();
        }
        current_ = 0;
        used_ = 0;
    }

   private:
    struct Block {
        uint8_t *data;
        size_t size;
    };
    static constexpr size_t kBlockSize = 256 << 10;
    static constexpr size_t kKept = 32;
    std::vector<Block> blocks_;
    size_t current_ = 0;
    size_t used_ = 0;
};
