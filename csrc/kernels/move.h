/* Copies and fills, of bytes and of strided elements by their size; compiled once an instruction
 * set. */
#ifndef TK_MOVE_H
#define TK_MOVE_H

#include <stdint.h>
#include <string.h>

#include "work.h"

/* Elements of a strided operand: `rows` times `n`, steps in bytes. */
typedef struct tk_span {
    int64_t rows, n, row_step, step;
} tk_span;

TK_INLINE tk_bytes tk_bytes_load(const char *p)
{
    tk_bytes v;
    memcpy(&v, p, sizeof v);
    return v;
}

TK_INLINE void tk_bytes_store(char *p, tk_bytes v)
{
    memcpy(p, &v, sizeof v);
}

/* Fewer bytes than a vector has: two pieces that may overlap. */
TK_INLINE void tk_copy_few(char *to, const char *from, int64_t n)
{
#define PIECES(bytes)                                                                              \
    if (n >= bytes) {                                                                              \
        char first[bytes], last[bytes];                                                            \
        memcpy(first, from, bytes);                                                                \
        memcpy(last, from + n - bytes, bytes);                                                     \
        memcpy(to, first, bytes);                                                                  \
        memcpy(to + n - bytes, last, bytes);                                                       \
        return;                                                                                    \
    }
#if TK_VECTOR_BYTES > 32
    PIECES(32)
#endif
    PIECES(16)
    PIECES(8)
    PIECES(4)
#undef PIECES
    for (int64_t i = 0; i < n; i++)
        to[i] = from[i];
}

/* Bytes from which on instructions for strings beat a loop where tk_string_moves says so. */
enum { TK_STRING_COPY = 16 << 10, TK_STRING_FILL = 2 << 20 };

/* n bytes that do not overlap. Stores are aligned: glibc's memcpy, which moves more than 2 KiB by
 * `rep movsb`, takes 1.5 times as long for 12 MB on a Zen 4, 3 times in rows of 4000 bytes, and 10 times
 * where these do not lie as the source does. */
TK_INLINE void tk_copy(char *to, const char *from, int64_t n)
{
    enum { STEP = TK_VECTOR_BYTES };
    if (n < STEP) {
        tk_copy_few(to, from, n);
        return;
    }
    if (n >= TK_STRING_COPY && tk_string_moves) {
        tk_string_copy(to, from, n);
        return;
    }
    const tk_bytes last = tk_bytes_load(from + n - STEP);
    tk_bytes_store(to, tk_bytes_load(from));
    int64_t i = (int64_t)(-(uintptr_t)to % STEP);
    if (n <= 2 * STEP) /* the two ends are all */
        i = n;
    for (; i + 4 * STEP <= n; i += 4 * STEP) {
        const tk_bytes a = tk_bytes_load(from + i), b = tk_bytes_load(from + i + STEP),
                       c = tk_bytes_load(from + i + 2 * STEP),
                       d = tk_bytes_load(from + i + 3 * STEP);
        tk_bytes_store(to + i, a);
        tk_bytes_store(to + i + STEP, b);
        tk_bytes_store(to + i + 2 * STEP, c);
        tk_bytes_store(to + i + 3 * STEP, d);
    }
    for (; i + STEP <= n; i += STEP)
        tk_bytes_store(to + i, tk_bytes_load(from + i));
    tk_bytes_store(to + n - STEP, last);
}

/* Pieces of a result that follow each other, past the caches: what does not fill a cache line waits for
 * the next one, for a line of which only a part is stored is read before. */
typedef struct tk_pieces {
    char *to;     /* where the next one would go */
    int64_t held; /* bytes before it that wait, the first ones of a line */
    char line[64];
} tk_pieces;

TK_INLINE void tk_stream_line(char *to, const char *from)
{
    for (int k = 0; k < 64; k += TK_VECTOR_BYTES)
        tk_bytes_stream(to + k, tk_bytes_load(from + k));
}

/* Which string instructions do by themselves, where they are good. The piece that will be put next is
 * asked for, a line with each line, if it is given: where pieces lie anywhere, rows of 4000 bytes took 0.6
 * of the time so. */
TK_OUTLINE void tk_put_piece_before(tk_pieces *p, char *to, const char *from, int64_t n,
                                    const char *next)
{
    enum { LINE = sizeof p->line };
    if (to != p->to || (n >= TK_STRING_COPY && tk_string_moves)) {
        tk_copy(p->to - p->held, p->line, p->held);
        p->held = 0;
    }
    p->to = to + n;
    if (n >= TK_STRING_COPY && tk_string_moves) {
        tk_string_copy(to, from, n);
        return;
    }
    const int64_t missing = (int64_t)(-(uintptr_t)to % LINE), first = n < missing ? n : missing;
    tk_copy(p->held ? p->line + p->held : to, from, first);
    p->held += p->held ? first : 0;
    if (p->held == LINE) {
        tk_stream_line(to + first - LINE, p->line);
        p->held = 0;
    }
    for (to += first, from += first, n -= first; n >= LINE; to += LINE, from += LINE, n -= LINE) {
        if (next) {
            __builtin_prefetch(next);
            next += LINE;
        }
        tk_stream_line(to, from);
    }
    if (n > 0) {
        if (next)
            __builtin_prefetch(next + n);
        tk_copy(p->line, from, n);
        p->held = n;
    }
}

TK_INLINE void tk_put_piece(tk_pieces *p, char *to, const char *from, int64_t n)
{
    tk_put_piece_before(p, to, from, n, NULL);
}

TK_OUTLINE void tk_put_zeros(tk_pieces *p, char *to, int64_t n)
{
    static const char zeros[4096] __attribute__((aligned(64)));
    for (int64_t some; n > 0; n -= some, to += some) {
        some = n < (int64_t)sizeof zeros ? n : (int64_t)sizeof zeros;
        tk_put_piece(p, to, zeros, some);
    }
}

TK_INLINE void tk_end_pieces(tk_pieces *p)
{
    tk_copy(p->to - p->held, p->line, p->held);
    tk_stream_end();
}

/* Asks for one of the next rows of n bytes, where such rows do not follow each other in memory and the
 * processor does not foresee them. Measured on rows of 400 to 4000 bytes, 12 MB of them read backwards
 * on a Zen 5: 0.55 to 0.75 of the time without. In cache it costs, and does nothing for long rows. */
enum { TK_ROWS_FAR = 2 << 20, TK_ROW_LONG = 8 << 10, TK_ASKED_AHEAD = 4 << 10 };

/* Bytes ahead of what is read now to ask for, a line with each line, where more is done with it than
 * copying: a processor sees few lines ahead then. Measured past the caches on a Zen 5, float32 to bools:
 * 0.8 of the time without, and no less at half or twice this distance. */
enum { TK_STREAM_AHEAD = 8 << 10 };

TK_INLINE int64_t tk_rows_asked(int64_t rows, int64_t n)
{
    return n > TK_ROW_LONG || rows * n < TK_ROWS_FAR ? 0 : TK_ASKED_AHEAD / n + 1;
}

TK_INLINE void tk_ask_row(const char *row, int64_t n)
{
    for (int64_t i = 0; i < n; i += 64)
        __builtin_prefetch(row + i);
}

/* Rows of n bytes, row_steps apart in bytes. */
TK_OUTLINE void tk_copy_rows(char *to, int64_t to_step, const char *from, int64_t from_step,
                             int64_t rows, int64_t n, int streams)
{
    const int64_t ahead = to_step < 0 ? tk_rows_asked(rows, n) * to_step : 0;
    tk_pieces pieces = {.to = to};
    for (; rows > 0; rows--, to += to_step, from += from_step) {
        if (streams) {
            tk_put_piece(&pieces, to, from, n);
            continue;
        }
        if (ahead)
            tk_ask_row(to + ahead, n);
        tk_copy(to, from, n);
    }
    if (streams)
        tk_end_pieces(&pieces);
}

/* A vector full of the element at `item`. */
TK_INLINE tk_bytes tk_bytes_of(const void *item, int64_t size)
{
#define FULL(Item)                                                                                 \
    {                                                                                              \
        typedef Item full __attribute__((vector_size(TK_VECTOR_BYTES)));                           \
        Item x;                                                                                    \
        memcpy(&x, item, sizeof x);                                                                \
        return (tk_bytes)(x - (full){0});                                                          \
    }
    if (size == 1)
        FULL(uint8_t)
    if (size == 4)
        FULL(uint32_t)
    FULL(uint64_t)
#undef FULL
}

/* n elements, `step` bytes apart, of the value at `item`; past the caches where `streams`. */
TK_OUTLINE void tk_fill(char *to, int64_t step, const void *item, int64_t size, int64_t n,
                        int streams)
{
    enum { STEP = TK_VECTOR_BYTES };
    if (step != size) {
        if (size == 1)
            for (; n > 0; n--, to += step)
                memcpy(to, item, 1);
        else if (size == 4)
            for (; n > 0; n--, to += step)
                memcpy(to, item, 4);
        else
            for (; n > 0; n--, to += step)
                memcpy(to, item, 8);
        return;
    }
    const tk_bytes v = tk_bytes_of(item, size);
    n *= size;
    if (n < STEP) {
        char full[STEP];
        tk_bytes_store(full, v);
        tk_copy_few(to, full, n);
        return;
    }
    if (n >= TK_STRING_FILL && tk_string_moves) {
        uint64_t words;
        memcpy(&words, &v, sizeof words);
        tk_string_fill(to, words, n / (int64_t)sizeof words);
        tk_bytes_store(to + n - STEP, tk_bytes_load(to));
        return;
    }
    tk_bytes_store(to, v); /* whole elements lie between there and where the memory is aligned */
    int64_t i = (int64_t)(-(uintptr_t)to % STEP);
    if (streams)
        for (; i + STEP <= n; i += STEP)
            tk_bytes_stream(to + i, v);
    for (; i + 4 * STEP <= n; i += 4 * STEP)
        for (int k = 0; k < 4; k++)
            tk_bytes_store(to + i + k * STEP, v);
    for (; i + STEP <= n; i += STEP)
        tk_bytes_store(to + i, v);
    tk_bytes_store(to + n - STEP, v);
}

/* Where a matrix is turned over, this many elements that lie side by side are read before the next
 * column begins: 16 pages at the most, and what is written are 256 cache lines, half of a small L1. */
#define TK_STRIP 256
/* Columns to ask for before they are read: each lies in another page, so the processor does not
 * foresee them. Measured on 1728 x 1728 of float32: 0.6 of the time without. */
#define TK_COLUMNS_AHEAD 64

/* Of two vectors: the first and the second half of both, element by element in turn; every other
 * element; the first backwards. */
#define TK_LOW_2 0, 2
#define TK_HIGH_2 1, 3
#define TK_LOW_4 0, 4, 1, 5
#define TK_HIGH_4 2, 6, 3, 7
#define TK_LOW_8 0, 8, 1, 9, 2, 10, 3, 11
#define TK_HIGH_8 4, 12, 5, 13, 6, 14, 7, 15
#define TK_LOW_16 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define TK_HIGH_16 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define TK_EVEN_2 0, 2
#define TK_EVEN_4 0, 2, 4, 6
#define TK_EVEN_8 0, 2, 4, 6, 8, 10, 12, 14
#define TK_EVEN_16 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define TK_BACK_2 1, 0
#define TK_BACK_4 3, 2, 1, 0
#define TK_BACK_8 7, 6, 5, 4, 3, 2, 1, 0
#define TK_BACK_16 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0

/* The elements of a vector in the other order: its words of 8 bytes, then what is in them. */
#define TK_SHORTS_BACK(k) k + 3, k + 2, k + 1, k, k + 7, k + 6, k + 5, k + 4
#if TK_VECTOR_BYTES == 64
#define TK_WORDS_BACK TK_BACK_8
#define TK_ALL_SHORTS_BACK                                                                         \
    TK_SHORTS_BACK(0), TK_SHORTS_BACK(8), TK_SHORTS_BACK(16), TK_SHORTS_BACK(24)
#elif TK_VECTOR_BYTES == 32
#define TK_WORDS_BACK TK_BACK_4
#define TK_ALL_SHORTS_BACK TK_SHORTS_BACK(0), TK_SHORTS_BACK(8)
#else
#define TK_WORDS_BACK TK_BACK_2
#define TK_ALL_SHORTS_BACK TK_SHORTS_BACK(0)
#endif
TK_INLINE tk_bytes tk_bytes_back(tk_bytes v, const int64_t size)
{
    typedef uint64_t words __attribute__((vector_size(TK_VECTOR_BYTES)));
    typedef uint16_t shorts __attribute__((vector_size(TK_VECTOR_BYTES)));
    const words back = {TK_WORDS_BACK};
    const shorts inside = {TK_ALL_SHORTS_BACK};
    const words x = TK_SHUFFLE((words)v, (words)v, back);
    if (size == 8)
        return (tk_bytes)x;
    if (size == 4)
        return (tk_bytes)(x << 32 | x >> 32);
    const shorts y = TK_SHUFFLE((shorts)x, (shorts)x, inside);
    return (tk_bytes)(y << 8 | y >> 8);
}

/* n elements side by side, at least a vector of them, from those that end with the one at `from`. */
TK_INLINE void tk_copy_back(char *to, const char *from, int64_t n, const int64_t size)
{
    const int64_t each = TK_VECTOR_BYTES / size;
    for (int64_t start = 0; start < n; start += each) {
        const int64_t i = start <= n - each ? start : n - each;
        tk_bytes_store(to + i * size,
                       tk_bytes_back(tk_bytes_load(from - (i + each - 1) * size), size));
    }
}

/* Of one row, the same again and again: what is there is copied behind itself. */
TK_INLINE void tk_copy_again(char *to, const char *row, int64_t row_bytes, int64_t rows)
{
    const int64_t all = row_bytes * rows;
    tk_copy(to, row, row_bytes);
    for (int64_t done = row_bytes, more; done < all; done += more) {
        more = done < all - done ? done : all - done;
        tk_copy(to + done, to, more);
    }
}

/* turn: to[r][c] = from[c][r], r < rows, c < n, the last index side by side in both, through squares
 * of `side` by `side`. short: of n lines of `length` elements the columns [length][n], or `back`. Of
 * lines shorter than a square's side each reaches into the next ones, and is written before these:
 * there must be TK_MOST_SIDE rows of columns, and as many elements behind the last line.
 * spread: one element of each row n times. gather: a span side by side into a buffer [rows][n];
 * scatter: the other way. */
enum { TK_MOST_SIDE = 8 }; /* of elements of 4 and 8 bytes */
#define MOVE(size, Item, side)                                                                     \
    typedef Item __attribute__((may_alias)) tk_item_##size;                                        \
    typedef Item tk_side_##size __attribute__((vector_size(side * size)));                         \
    TK_INLINE void tk_turn_square_##size(char *to, int64_t to_step, const char *from,              \
                                         int64_t from_step)                                        \
    {                                                                                              \
        const tk_side_##size low = {TK_LOW_##side}, high = {TK_HIGH_##side};                       \
        tk_side_##size x[side], y[side];                                                           \
        _Pragma("GCC unroll 16") for (int k = 0; k < side; k++)                                    \
            memcpy(&x[k], from + k * from_step, sizeof *x);                                        \
        /* every round puts what was half of them apart side by side */                            \
        _Pragma("GCC unroll 4") for (int round = 1; round < side; round *= 2)                      \
        {                                                                                          \
            _Pragma("GCC unroll 16") for (int k = 0; k < side / 2; k++)                            \
            {                                                                                      \
                y[2 * k] = TK_SHUFFLE(x[k], x[k + side / 2], low);                                 \
                y[2 * k + 1] = TK_SHUFFLE(x[k], x[k + side / 2], high);                            \
            }                                                                                      \
            _Pragma("GCC unroll 16") for (int k = 0; k < side; k++) x[k] = y[k];                   \
        }                                                                                          \
        _Pragma("GCC unroll 16") for (int k = 0; k < side; k++)                                    \
            memcpy(to + k * to_step, &x[k], sizeof *x);                                            \
    }                                                                                              \
    TK_OUTLINE void tk_turn_##size(char *to, int64_t to_step, const char *from, int64_t from_step, \
                                   int64_t rows, int64_t n)                                        \
    {                                                                                              \
        const int64_t full = n / side * side;                                                      \
        for (int64_t strip = 0; strip < rows; strip += TK_STRIP) {                                 \
            const int64_t end = rows - strip < TK_STRIP ? rows : strip + TK_STRIP;                 \
            const int whole = end - strip >= side && n >= side;                                    \
            /* the last squares reach back over what was done, to end where the matrix does */     \
            for (int64_t at = 0; whole && at < n; at += side) {                                    \
                const int64_t c = at < full ? at : n - side;                                       \
                const char *x = from + c * from_step;                                              \
                for (int64_t start = strip; start < end; start += side) {                          \
                    const int64_t r = start <= end - side ? start : end - side;                    \
                    _Pragma("GCC unroll 16") for (int k = 0; k < side; k++)                        \
                        __builtin_prefetch(x + (TK_COLUMNS_AHEAD + k) * from_step + r * size);     \
                    tk_turn_square_##size(to + r * to_step + c * size, to_step, x + r * size,      \
                                          from_step);                                              \
                }                                                                                  \
            }                                                                                      \
            for (int64_t c = 0; !whole && c < n; c++)                                              \
                for (int64_t r = strip; r < end; r++)                                              \
                    ((tk_item_##size *)(to + r * to_step))[c] =                                    \
                        ((const tk_item_##size *)(from + c * from_step))[r];                       \
        }                                                                                          \
    }                                                                                              \
    TK_OUTLINE void tk_spread_##size(const char *from, int64_t row_step, char *to, int64_t rows,   \
                                     int64_t n)                                                    \
    {                                                                                              \
        const int64_t full = (n + side - 1) / side * side * size, bytes = n * size;                \
        char *const end = to + rows * bytes;                                                       \
        /* whole vectors; where the next row begins it overwrites them */                          \
        for (; to + full <= end; to += bytes, from += row_step) {                                  \
            const tk_side_##size x = *(const tk_item_##size *)from - (tk_side_##size){0};          \
            memcpy(to, &x, sizeof x);                                                              \
            for (int64_t at = sizeof x; at < bytes; at += sizeof x)                                \
                memcpy(to + at, &x, sizeof x);                                                     \
        }                                                                                          \
        for (; to < end; from += row_step)                                                         \
            for (int64_t i = 0; i < n; i++, to += size)                                            \
                memcpy(to, from, size);                                                            \
    }                                                                                              \
    TK_OUTLINE void tk_turn_short_##size(char *to, const char *from, int64_t length, int64_t n,    \
                                         int back)                                                 \
    {                                                                                              \
        const int64_t line = length * size, row = n * size;                                        \
        if (length >= side || n < side) {                                                          \
            if (back)                                                                              \
                tk_turn_##size(to, line, from, row, n, length);                                    \
            else                                                                                   \
                tk_turn_##size(to, row, from, line, length, n);                                    \
            return;                                                                                \
        }                                                                                          \
        for (int64_t start = 0; start < n; start += side) {                                        \
            const int64_t at = start <= n - side ? start : n - side;                               \
            if (back)                                                                              \
                tk_turn_square_##size(to + at * line, line, from + at * size, row);                \
            else                                                                                   \
                tk_turn_square_##size(to + at * size, row, from + at * line, line);                \
        }                                                                                          \
    }                                                                                              \
    TK_OUTLINE void tk_gather_##size(const char *from, const tk_span *s, char *buffer)             \
    {                                                                                              \
        tk_item_##size *to = (tk_item_##size *)buffer;                                             \
        if (s->step == 0) {                                                                        \
            tk_spread_##size(from, s->row_step, buffer, s->rows, s->n);                            \
            return;                                                                                \
        }                                                                                          \
        if (s->row_step == size && s->rows > 1) {                                                  \
            tk_turn_##size(buffer, s->n * size, from, s->step, s->rows, s->n);                     \
            return;                                                                                \
        }                                                                                          \
        if (s->step == size && s->row_step == 0) {                                                 \
            tk_copy_again(buffer, from, s->n * size, s->rows);                                     \
            return;                                                                                \
        }                                                                                          \
        if (s->step == size) {                                                                     \
            tk_copy_rows(buffer, s->n * size, from, s->row_step, s->rows, s->n * size, 0);         \
            return;                                                                                \
        }                                                                                          \
        const tk_side_##size even = {TK_EVEN_##side}, back = {TK_BACK_##side};                     \
        const int64_t rows = s->rows, n = s->n, step = s->step;                                    \
        const int64_t row_bytes = n * size, ahead = s->row_step * tk_rows_asked(rows, row_bytes);  \
        for (int64_t r = 0; r < rows; r++, from += s->row_step, to += n) {                         \
            int64_t i = 0;                                                                         \
            tk_side_##size x, y;                                                                   \
            if (step == -size && n >= TK_VECTOR_BYTES / size) {                                    \
                if (ahead)                                                                         \
                    tk_ask_row(from + ahead - row_bytes + size, row_bytes);                        \
                tk_copy_back((char *)to, from, n, size);                                           \
                continue;                                                                          \
            }                                                                                      \
            if (step == 2 * size) /* what lies behind the last element is not read */              \
                for (; i + side < n; i += side) {                                                  \
                    memcpy(&x, from + i * 2 * size, sizeof x);                                     \
                    memcpy(&y, from + (i * 2 + side) * size, sizeof y);                            \
                    x = TK_SHUFFLE(x, y, even);                                                    \
                    memcpy(to + i, &x, sizeof x);                                                  \
                }                                                                                  \
            if (step == -size)                                                                     \
                for (; i + side <= n; i += side)                                                   \
                {                                                                                  \
                    memcpy(&x, from - (i + side - 1) * size, sizeof x);                            \
                    x = TK_SHUFFLE(x, x, back);                                                    \
                    memcpy(to + i, &x, sizeof x);                                                  \
                }                                                                                  \
            for (; i + 4 <= n; i += 4) {                                                           \
                const char *next = from + i * step;                                                \
                tk_item_##size some[4];                                                            \
                _Pragma("GCC unroll 4") for (int k = 0; k < 4; k++, next += step)                  \
                    some[k] = *(const tk_item_##size *)next;                                       \
                memcpy(to + i, some, sizeof some);                                                 \
            }                                                                                      \
            for (; i < n; i++)                                                                     \
                to[i] = *(const tk_item_##size *)(from + i * step);                                \
        }                                                                                          \
    }                                                                                              \
    TK_OUTLINE void tk_scatter_##size(char *to, const tk_span *s, const char *buffer)              \
    {                                                                                              \
        const tk_item_##size *from = (const tk_item_##size *)buffer;                               \
        if (s->row_step == size && s->rows > 1) {                                                  \
            tk_turn_##size(to, s->step, buffer, s->n * size, s->n, s->rows);                       \
            return;                                                                                \
        }                                                                                          \
        for (int64_t r = 0; r < s->rows; r++, to += s->row_step, from += s->n)                     \
            _Pragma("GCC unroll 4") for (int64_t i = 0; i < s->n; i++)                             \
                *(tk_item_##size *)(to + i * s->step) = from[i];                                   \
    }
MOVE(1, uint8_t, 16)
#if TK_VECTOR_BYTES >= 32
MOVE(4, uint32_t, 8)
MOVE(8, uint64_t, 4)
#else
MOVE(4, uint32_t, 4)
MOVE(8, uint64_t, 2)
#endif
#undef MOVE

static inline void tk_turn(char *to, int64_t to_step, const char *from, int64_t from_step,
                           int64_t rows, int64_t n, int64_t size)
{
    (size == 1   ? tk_turn_1
     : size == 4 ? tk_turn_4
                 : tk_turn_8)(to, to_step, from, from_step, rows, n);
}

static inline void tk_turn_short(char *to, const char *from, int64_t length, int64_t n, int back,
                                 int64_t size)
{
    (size == 4 ? tk_turn_short_4 : tk_turn_short_8)(to, from, length, n, back);
}

static inline void tk_gather_span(const char *from, const tk_span *s, void *buffer, int64_t size)
{
    (size == 1 ? tk_gather_1 : size == 4 ? tk_gather_4 : tk_gather_8)(from, s, buffer);
}

static inline void tk_scatter_span(char *to, const tk_span *s, const void *buffer, int64_t size)
{
    (size == 1 ? tk_scatter_1 : size == 4 ? tk_scatter_4 : tk_scatter_8)(to, s, buffer);
}

/* As tk_extend_row, of a source that stands there again and again; by pieces, unless these are NULL. */
TK_INLINE void tk_wrap_row(char *to, int64_t start, int64_t end, const char *from, int64_t n,
                           int64_t before, int64_t size, tk_pieces *pieces)
{
    int64_t place = start == before ? 0 : (start - before) % n;
    place += place < 0 ? n : 0;
    for (int64_t count; start < end; start += count, place = 0) {
        count = end - start < n - place ? end - start : n - place;
        if (pieces)
            tk_put_piece(pieces, to + start * size, from + place * size, count * size);
        else
            tk_copy(to + start * size, from + place * size, count * size);
    }
}

/* Elements [start, end) of a row of an extended tensor (tk_extend_work), whose source is the n
 * elements at `from`, the first of them at place `before`. */
TK_INLINE void tk_extend_row(const tk_extend_work *w, char *to, int64_t start, int64_t end,
                             const char *from, int64_t n, int64_t before, int64_t size)
{
    for (int64_t at = start - before, count; start < end; start += count, at += count) {
        const int64_t left = end - start, inside = at < 0 ? -at : n - at;
        char *out = to + start * size;
        count = left < inside || at >= n ? left : inside;
        if (at >= 0 && at < n) {
            tk_copy(out, from + at * size, count * size);
        } else if (w->mode == TK_EXTEND_MIRROR) {
            const char *last = from + (at < 0 ? -at : 2 * (n - 1) - at) * size;
            tk_gather_span(last, &(tk_span){1, count, 0, -size}, out, size);
        } else {
            const char *border = from + (at < 0 ? 0 : n - 1) * size;
            const char *value = w->mode == TK_EXTEND_FILL ? w->value : border;
            if (count > 1)
                tk_fill(out, size, value, size, count, 0);
            else
                tk_copy_few(out, value, size);
        }
    }
}

/* The place in a dimension of n elements that the extended one shows at `at`; -1: the value. */
TK_INLINE int64_t tk_extend_place(const tk_extend_work *w, int64_t at, int64_t n)
{
    if (at >= 0 && at < n)
        return at;
    switch (w->mode) {
    case TK_EXTEND_WRAP:
        return at % n + (at % n < 0 ? n : 0);
    case TK_EXTEND_MIRROR:
        return at < 0 ? -at : 2 * (n - 1) - at;
    case TK_EXTEND_BORDER:
        return at < 0 ? 0 : n - 1;
    default:
        return -1;
    }
}

/* Up to so many elements around a row are read where a table says. */
enum { TK_EXTEND_EDGES = 32 };

/* The source of an element around a row, whose place tk_extend_place gave. */
TK_INLINE const char *tk_edge(const tk_extend_work *w, const char *from, int64_t place, int64_t size)
{
    return place < 0 ? w->value : from + place * size;
}

/* A row between `left` and `right` elements, which lie at edge[] in the source. */
TK_INLINE void tk_edged_row(const tk_extend_work *w, char *to, const char *from, int64_t n,
                            const int64_t *edge, int64_t left, int64_t right, int64_t size)
{
    for (int64_t i = 0; i < left + right; i++)
        memcpy(to + (i < left ? i : n + i) * size, tk_edge(w, from, edge[i], size), (size_t)size);
    tk_copy(to + left * size, from, n * size);
}

/* The same by pieces; apart, or short rows, which never go so, would take a quarter longer. */
TK_OUTLINE void tk_edged_pieces(const tk_extend_work *w, char *to, const char *from, int64_t n,
                                const int64_t *edge, int64_t left, int64_t right, int64_t size,
                                tk_pieces *pieces)
{
    char ends[TK_EXTEND_EDGES * sizeof(int64_t)];
    for (int64_t i = 0; i < left + right; i++)
        memcpy(ends + i * size, tk_edge(w, from, edge[i], size), (size_t)size);
    tk_put_piece(pieces, to, ends, left * size);
    tk_put_piece(pieces, to + left * size, from, n * size);
    tk_put_piece(pieces, to + (left + n) * size, ends + left * size, right * size);
}

TK_INLINE void tk_extend_units(const void *work, int64_t lo, int64_t hi, const int64_t size)
{
    const tk_extend_work *w = work;
    const int last = w->ndim - 1;
    const int64_t length = w->size[last], n = w->from[last];
    const int64_t left = w->before[last], right = length - left - n;
    const int tabled = left >= 0 && right >= 0 && left + right <= TK_EXTEND_EDGES;
    int64_t edge[TK_EXTEND_EDGES];
    for (int64_t i = 0; tabled && i < left + right; i++)
        edge[i] = tk_extend_place(w, i < left ? i - left : n + i - left, n);
    const int64_t height = last ? w->size[last - 1] : 1;
    tk_pieces waiting = {.held = 0}, *const pieces = w->streams ? &waiting : NULL;
    for (int64_t row = lo / length, y; lo < hi;) {
        /* Where the source's part for this plane, the last two dimensions, begins; -1: it has none. */
        int64_t plane = 0, step = last ? n * w->from[last - 1] : n;
        for (int64_t d = last - 2, rest = row / height; d >= 0 && plane >= 0; rest /= w->size[d--]) {
            const int64_t at = tk_extend_place(w, rest % w->size[d] - w->before[d], w->from[d]);
            plane = at < 0 ? -1 : plane + at * step;
            step *= w->from[d];
        }
        for (y = row % height; y < height && lo < hi; y++, row++) {
            const int64_t first = lo - row * length, left_over = row * length + length - lo;
            const int64_t count = left_over < hi - lo ? left_over : hi - lo;
            const int64_t at = last ? tk_extend_place(w, y - w->before[last - 1], w->from[last - 1]) : 0;
            const char *from = w->in + (plane + at * n) * size;
            char *to = w->out + row * length * size;
            if (plane < 0 || at < 0) {
                tk_fill(to + first * size, size, w->value, size, count, 0);
            } else if (tabled && count == length) {
                if (pieces)
                    tk_edged_pieces(w, to, from, n, edge, left, right, size, pieces);
                else
                    tk_edged_row(w, to, from, n, edge, left, right, size);
            } else if (w->mode == TK_EXTEND_WRAP) {
                tk_wrap_row(to, first, first + count, from, n, w->before[last], size, pieces);
            } else {
                tk_extend_row(w, to, first, first + count, from, n, w->before[last], size);
            }
            lo += count;
        }
    }
    if (pieces)
        tk_end_pieces(pieces);
}

/* The result is written from its start to its end: input by input it takes twice as long where both do
 * not fit the caches. */
TK_OUTLINE void tk_join_units(const void *work, int64_t lo, int64_t hi)
{
    const tk_join_work *w = work;
    tk_pieces pieces = {.held = 0};
    for (; lo < hi; lo++) {
        char *out = w->out + lo * w->row_step;
        for (int i = 0; i < w->n; i++) {
            const char *from = w->in[i] + lo * w->bytes[i];
            if (w->streams)
                tk_put_piece(&pieces, out, from, w->bytes[i]);
            else
                tk_copy(out, from, w->bytes[i]);
            out += w->bytes[i];
        }
    }
    if (w->streams)
        tk_end_pieces(&pieces);
}

/* Rows of triangles: what is kept is copied, unless it stands there already. */
TK_OUTLINE void tk_triangle_units(const void *work, int64_t lo, int64_t hi, int64_t size)
{
    const tk_triangle_work *w = work;
    int64_t row = lo % w->rows;
    tk_pieces pieces = {.held = 0};
    for (; lo < hi; lo++, row = row + 1 < w->rows ? row + 1 : 0) {
        int64_t start;
        const int64_t kept = tk_triangle_part(row, w->columns, w->diagonal, w->upper, &start);
        if (w->in == w->out && kept == w->columns)
            continue;
        const char *from = w->in + (lo * w->columns + start) * size;
        char *to = w->out + lo * w->columns * size;
        if (w->streams) { /* in their order in memory */
            tk_put_zeros(&pieces, to, start * size);
            tk_put_piece(&pieces, to + start * size, from, kept * size);
            tk_put_zeros(&pieces, to + (start + kept) * size, (w->columns - start - kept) * size);
            continue;
        }
        if (w->in != w->out)
            tk_copy(to + start * size, from, kept * size);
        memset(to + (w->upper ? 0 : kept) * size, 0, (size_t)((w->columns - kept) * size));
    }
    if (w->streams)
        tk_end_pieces(&pieces);
}

#endif
