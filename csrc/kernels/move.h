/* Copies of strided elements, by the size of an element; compiled once an instruction set. */
#ifndef TK_MOVE_H
#define TK_MOVE_H

#include <stdint.h>
#include <string.h>

/* Elements of a strided operand: `rows` times `n`, steps in bytes. */
typedef struct tk_span {
    int64_t rows, n, row_step, step;
} tk_span;

/* Where a matrix is turned over, this many elements that lie side by side are read before the next
 * column begins: 16 pages at the most, and what is written are 256 cache lines, half of a small L1. */
#define TK_STRIP 256
/* Columns to ask for before they are read: each lies in another page, so the processor does not
 * foresee them. Measured on 1728 x 1728 of float32: 0.6 of the time without. */
#define TK_COLUMNS_AHEAD 64

/* The first and the second half of two vectors, element by element in turn. */
#define TK_LOW_2 0, 2
#define TK_HIGH_2 1, 3
#define TK_LOW_4 0, 4, 1, 5
#define TK_HIGH_4 2, 6, 3, 7
#define TK_LOW_8 0, 8, 1, 9, 2, 10, 3, 11
#define TK_HIGH_8 4, 12, 5, 13, 6, 14, 7, 15
#define TK_LOW_16 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define TK_HIGH_16 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31

/* turn: to[r][c] = from[c][r], r < rows, c < n, the last index side by side in both, through squares
 * of `side` by `side`. gather: a span side by side into a buffer [rows][n]; scatter: the other way. */
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
                y[2 * k] = TK_SHUFFLE(x[k], x[k + side / 2], low);                          \
                y[2 * k + 1] = TK_SHUFFLE(x[k], x[k + side / 2], high);                     \
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
    TK_OUTLINE void tk_gather_##size(const char *from, const tk_span *s, char *buffer)             \
    {                                                                                              \
        tk_item_##size *to = (tk_item_##size *)buffer;                                             \
        if (s->row_step == size && s->rows > 1) {                                                  \
            tk_turn_##size(buffer, s->n * size, from, s->step, s->rows, s->n);                     \
            return;                                                                                \
        }                                                                                          \
        for (int64_t r = 0; r < s->rows; r++, from += s->row_step, to += s->n) {                   \
            int64_t i = 0;                                                                         \
            if (s->step == -size) /* backwards: blocks that the compiler makes shuffles of */      \
                for (; i + 16 <= s->n; i += 16) {                                                  \
                    tk_item_##size some[16];                                                       \
                    memcpy(some, from - (i + 15) * size, sizeof some);                             \
                    for (int k = 0; k < 16; k++)                                                   \
                        to[i + k] = some[15 - k];                                                  \
                }                                                                                  \
            for (; i < s->n; i++)                                                                  \
                to[i] = *(const tk_item_##size *)(from + i * s->step);                             \
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
            for (int64_t i = 0; i < s->n; i++)                                                     \
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

static inline void tk_gather_span(const char *from, const tk_span *s, void *buffer, int64_t size)
{
    (size == 1 ? tk_gather_1 : size == 4 ? tk_gather_4 : tk_gather_8)(from, s, buffer);
}

static inline void tk_scatter_span(char *to, const tk_span *s, const void *buffer, int64_t size)
{
    (size == 1 ? tk_scatter_1 : size == 4 ? tk_scatter_4 : tk_scatter_8)(to, s, buffer);
}

#endif
