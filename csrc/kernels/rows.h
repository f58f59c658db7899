/* Walking a strided iteration space row by row; a row runs along the last dimension. */
#ifndef TK_ROWS_H
#define TK_ROWS_H

#include <stdlib.h>

#include "work.h"

/* Notes the lowest position at which an index, or a divisor, was bad. */
static inline void tk_note_bad(int64_t *bad, int64_t position)
{
    int64_t lowest = __atomic_load_n(bad, __ATOMIC_RELAXED);
    while (position < lowest && !__atomic_compare_exchange_n(bad, &lowest, position, 0,
                                                             __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

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

/* How many rows from here on, `limit` at the most, lie side by side and are whole. */
static inline int64_t tk_rows_ahead(const tk_map_work *w, const int64_t index[TK_MAX_NDIM],
                                    int64_t most, int64_t limit)
{
    const int last = w->ndim - 1;
    if (last < 1 || index[last] != 0)
        return 1;
    int64_t rows = w->size[last - 1] - index[last - 1], whole = most / w->size[last];
    rows = rows < whole ? rows : whole;
    return rows < 1 ? 1 : rows < limit ? rows : limit;
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

/* Rows taken at a time where an operand runs down them: two cache lines of float32. */
enum { TK_CROSSED_ROWS = 32 };

/* Bytes of a row from which on its own loop's stores go past the caches. In shorter ones too many cache
 * lines would be written in parts: rows of 400 bytes then took 4 times as long. */
enum { TK_STREAMED_ROW_BYTES = 2048 };

/* Whether operand i is closer together down the rows than along them. */
static inline int tk_crossed(const tk_map_work *w, int i)
{
    const int last = w->ndim - 1;
    return last > 0 && w->stride[i][last - 1] != 0 &&
           llabs(w->stride[i][last - 1]) < llabs(w->stride[i][last]);
}

#endif
