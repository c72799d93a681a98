"""A ring of nodes: who holds which partition. Tokens are drawn at random, which spreads worse than what
Cassandra does where it is told the replication factor (`allocate_tokens_for_local_replication_factor`)."""

import bisect
import random

# Apache Cassandra's default since 4.0.
TOKENS_PER_NODE = 16
TOKEN_BITS = 64


class Ring:
    def __init__(self, nodes, replicas, seed):
        dice = random.Random(seed)
        self.nodes, self.replicas = nodes, min(replicas, nodes)
        places = [(dice.getrandbits(TOKEN_BITS), node)
                  for node in range(nodes) for _ in range(TOKENS_PER_NODE)]
        places.sort()
        self._tokens_in_order = [token for token, _ in places]
        self._owners = [node for _, node in places]
        self._known = {}

    def holders(self, token):
        """The nodes of a partition: the first of each on the way round."""
        at = bisect.bisect_left(self._tokens_in_order, token) % len(self._owners)
        if at not in self._known:
            found = []
            for step in range(len(self._owners)):
                owner = self._owners[(at + step) % len(self._owners)]
                if owner not in found:
                    found.append(owner)
                if len(found) == self.replicas:
                    break
            self._known[at] = tuple(found)
        return self._known[at]

    def spread(self, weights):
        """What each node bears of partitions of these weights, each at a token of its own: a mapping
        from a token to its weight."""
        borne = [0.0] * self.nodes
        for token, weight in weights.items():
            for node in self.holders(token):
                borne[node] += weight
        return borne
