/* Asking for what the next tiles read, while this one is computed.
 *
 * A copy of B or of a strip of A that finds its lines in the last cache alone waits for them: so
 * many can be on their way at a time, and the multiply-adds are over when the copy begins. Tiles
 * wait for nothing. So a tile pauses as often as it has rows, and asks for a few lines of the next
 * strip of A and of the next block of B, which are in the second cache when their turn comes. */
#ifndef TK_MATMUL_ASK_H
#define TK_MATMUL_ASK_H

#include "../core/gemm.h"

#define TK_ASK_LINE 64 /* bytes */

/* Asks for a share of what a batch's next matrix has at `from`: that of strip s of so many. */
static inline void tk_ask_share(const char *from, int64_t bytes, int64_t s, int64_t strips)
{
    int64_t share = (bytes + strips - 1) / strips, end = (s + 1) * share;
    for (int64_t i = s * share; i < (end < bytes ? end : bytes); i += TK_ASK_LINE)
        __builtin_prefetch(from + i, 0, 2);
}

/* What one tile asks for, and where the next one goes on. */
typedef struct {
    const char *a; /* in each pause so many lines, `apart` bytes each, then on by a step */
    int lines;
    int64_t apart, step;
    int64_t share;        /* bytes from one tile's lines to the next one's */
    const char *b;        /* in each pause the next line, unless that is NULL */
    int64_t wait;         /* tiles before the first that asks for B */
    int64_t rows, row;    /* of B that are left; bytes from the last piece of one to the next */
    int64_t piece;        /* bytes a tile asks for */
    int64_t pieces, left; /* of a row; of this one */
} tk_asks;

static inline int64_t tk_ask_pieces(int64_t all, int64_t piece)
{
    return (all + piece - 1) / piece;
}

/* Nothing more of A. */
static inline void tk_ask_no_a(tk_asks *asks)
{
    asks->lines = 0;
    asks->step = asks->share = 0;
}

/* A strip of A, so many rows and k values of `size` bytes from `from` on, by tiles that pause so
 * often. Steps are in bytes. One without a contiguous side is not asked for. */
static inline void tk_ask_for_a(tk_asks *asks, const char *from, int64_t rows, int64_t row,
                                int64_t k, int64_t col, int64_t size, int64_t tiles, int64_t pauses)
{
    tk_ask_no_a(asks);
    if (col == size) { /* in each pause another row */
        asks->a = from;
        asks->lines = (int)tk_ask_pieces(k * size, tiles * TK_ASK_LINE);
        asks->apart = TK_ASK_LINE;
        asks->step = row;
        asks->share = asks->lines * TK_ASK_LINE;
    } else if (row == size) { /* the end of each column, which began in the last strip's lines */
        int64_t end = (rows - 1) * size, two = end >= TK_ASK_LINE;
        asks->a = from + end - two * TK_ASK_LINE;
        asks->lines = two ? 2 : (int)tk_ask_pieces(k, tiles * pauses);
        asks->apart = two ? TK_ASK_LINE : col;
        asks->step = two ? col : asks->lines * col;
        asks->share = pauses * asks->step;
    }
}

/* A block of B, k contiguous rows of so many bytes, by the last of so many tiles. */
static inline void tk_ask_for_b(tk_asks *asks, const char *from, int64_t k, int64_t row,
                                int64_t bytes, int64_t tiles, int64_t pauses)
{
    asks->b = from;
    asks->piece = pauses * TK_ASK_LINE;
    asks->pieces = asks->left = tk_ask_pieces(bytes, asks->piece);
    asks->rows = k;
    asks->row = row - (asks->pieces - 1) * asks->piece;
    int64_t wanted = k * asks->pieces;
    asks->wait = tiles > wanted ? tiles - wanted : 0;
}

/* On to the next tile's. */
static inline void tk_ask_next(tk_asks *asks)
{
    asks->a += asks->share;
    if (!asks->b)
        return;
    if (asks->wait)
        asks->wait--;
    else if (--asks->left)
        asks->b += asks->piece;
    else if (--asks->rows) {
        asks->b += asks->row;
        asks->left = asks->pieces;
    } else
        asks->b = NULL;
}

#endif
