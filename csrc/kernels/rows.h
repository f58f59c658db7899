/* Walking a strided iteration space row by row; a row runs along the last dimension. */
#ifndef TK_ROWS_H
#define TK_ROWS_H

#include <stdlib.h>
#include <string.h>

#include "work.h"

/* The index of element `at`, in row-major order. */
static inline void tk_start_rows(const tk_map_work *w, int64_t at, int64_t index[TK_MAX_NDIM])
{
    for (int d = w->ndim - 1; d >= 0; d--) {
        int64_t above = w->ndim > 1 ? at / w->size[d] : 0;
        index[d] = at - above * w->size[d];
        at = above;
    }
}

/* Points row[i] at operand i's element `index`, and moves index to the next row. Returns how many
 * elements there are up to the end of the row, `most` at the most. */
static inline int64_t tk_next_row(const tk_map_work *w, int operands, int64_t index[TK_MAX_NDIM],
                                  int64_t most, char *row[])
{
    const int last = w->ndim - 1;
#pragma GCC unroll 4
    for (int i = 0; i < operands; i++) {
        row[i] = w->data[i];
        for (int d = 0; d <= last; d++)
            row[i] += index[d] * w->stride[i][d];
    }
    int64_t n = w->size[last] - index[last];
    index[last] = 0;
    for (int d = last - 1; d >= 0 && ++index[d] == w->size[d]; d--)
        index[d] = 0;
    return n < most ? n : most;
}

enum { TK_BLOCK_ROWS = 16 }; /* a cache line of float32 where an operand runs down the rows */

/* How many rows from here on, TK_BLOCK_ROWS at the most, lie side by side and are whole. */
static inline int64_t tk_rows_ahead(const tk_map_work *w, const int64_t index[TK_MAX_NDIM],
                                    int64_t most)
{
    const int last = w->ndim - 1;
    if (last < 1 || index[last] != 0)
        return 1;
    int64_t rows = w->size[last - 1] - index[last - 1], whole = most / w->size[last];
    rows = rows < whole ? rows : whole;
    return rows < 1 ? 1 : rows < TK_BLOCK_ROWS ? rows : TK_BLOCK_ROWS;
}

/* Moves on by so many rows, of which tk_rows_ahead knew. */
static inline void tk_skip_rows(const tk_map_work *w, int64_t index[TK_MAX_NDIM], int64_t rows)
{
    int d = w->ndim - 2;
    if (rows == 0)
        return;
    index[d] += rows;
    for (; d > 0 && index[d] == w->size[d]; d--) {
        index[d] = 0;
        index[d - 1]++;
    }
}

/* Whether operand i is closer together down the rows than along them. */
static inline int tk_crossed(const tk_map_work *w, int i)
{
    const int last = w->ndim - 1;
    return last > 0 && w->stride[i][last - 1] != 0 &&
           llabs(w->stride[i][last - 1]) < llabs(w->stride[i][last]);
}

/* Elements of a strided operand: `rows` times `n`, steps in bytes. */
typedef struct tk_span {
    int64_t rows, n, row_step, step;
} tk_span;

/* gather: copies a span side by side into a buffer [rows][n]. scatter: the other way. By the size of
 * an element, through blocks of four by four where it is rows that lie side by side. */
#define MOVE(size, Item)                                                                           \
    typedef Item __attribute__((may_alias)) tk_item_##size;                                        \
    typedef Item tk_four_##size __attribute__((vector_size(4 * size)));                            \
    static inline void tk_transpose_##size(char *to, int64_t to_step, const char *from,            \
                                           int64_t from_step)                                      \
    {                                                                                              \
        typedef tk_four_##size Four;                                                               \
        const Four low = {0, 4, 1, 5}, high = {2, 6, 3, 7}, left = {0, 1, 4, 5},                   \
                   right = {2, 3, 6, 7};                                                           \
        Four x[4], y[4];                                                                           \
        _Pragma("GCC unroll 4") for (int k = 0; k < 4; k++)                                        \
            memcpy(&x[k], from + k * from_step, sizeof *x);                                        \
        y[0] = TK_SHUFFLE(x[0], x[1], low);                                                        \
        y[1] = TK_SHUFFLE(x[0], x[1], high);                                                       \
        y[2] = TK_SHUFFLE(x[2], x[3], low);                                                        \
        y[3] = TK_SHUFFLE(x[2], x[3], high);                                                       \
        x[0] = TK_SHUFFLE(y[0], y[2], left);                                                       \
        x[1] = TK_SHUFFLE(y[0], y[2], right);                                                      \
        x[2] = TK_SHUFFLE(y[1], y[3], left);                                                       \
        x[3] = TK_SHUFFLE(y[1], y[3], right);                                                      \
        _Pragma("GCC unroll 4") for (int k = 0; k < 4; k++)                                        \
            memcpy(to + k * to_step, &x[k], sizeof *x);                                            \
    }                                                                                              \
    TK_OUTLINE void tk_gather_##size(const char *from, const tk_span *s, char *buffer)             \
    {                                                                                              \
        tk_item_##size *to = (tk_item_##size *)buffer;                                             \
        const int64_t full = s->row_step == size && s->rows > 1 ? s->n / 4 * 4 : 0;                \
        const int64_t rows = s->rows / 4 * 4;                                                      \
        for (int64_t i = 0; i < full; i += 4)                                                      \
            for (int64_t r = 0; r < rows; r += 4)                                                  \
                tk_transpose_##size((char *)(to + r * s->n + i), s->n * size,                      \
                                    from + i * s->step + r * size, s->step);                       \
        if (s->rows == 1)                                                                          \
            for (int64_t i = 0; i < s->n; i++)                                                     \
                to[i] = *(const tk_item_##size *)(from + i * s->step);                             \
        else                                                                                       \
            for (int64_t i = 0; i < s->n; i++)                                                     \
                for (int64_t r = i < full ? rows : 0; r < s->rows; r++)                            \
                    to[r * s->n + i] =                                                             \
                        *(const tk_item_##size *)(from + i * s->step + r * s->row_step);           \
    }                                                                                              \
    TK_OUTLINE void tk_scatter_##size(char *to, const tk_span *s, const char *buffer)              \
    {                                                                                              \
        const tk_item_##size *from = (const tk_item_##size *)buffer;                               \
        const int64_t full = s->row_step == size && s->rows > 1 ? s->n / 4 * 4 : 0;                \
        const int64_t rows = s->rows / 4 * 4;                                                      \
        for (int64_t i = 0; i < full; i += 4)                                                      \
            for (int64_t r = 0; r < rows; r += 4)                                                  \
                tk_transpose_##size(to + i * s->step + r * size, s->step,                          \
                                    (const char *)(from + r * s->n + i), s->n * size);             \
        for (int64_t i = 0; i < s->n; i++)                                                         \
            for (int64_t r = i < full ? rows : 0; r < s->rows; r++)                                \
                *(tk_item_##size *)(to + i * s->step + r * s->row_step) = from[r * s->n + i];      \
    }
MOVE(1, uint8_t)
MOVE(4, uint32_t)
MOVE(8, uint64_t)
#undef MOVE

static inline void tk_gather_span(const char *from, const tk_span *s, void *buffer, int64_t size)
{
    (size == 1 ? tk_gather_1 : size == 4 ? tk_gather_4 : tk_gather_8)(from, s, buffer);
}

static inline void tk_scatter_span(char *to, const tk_span *s, const void *buffer, int64_t size)
{
    (size == 1 ? tk_scatter_1 : size == 4 ? tk_scatter_4 : tk_scatter_8)(to, s, buffer);
}

#endif
