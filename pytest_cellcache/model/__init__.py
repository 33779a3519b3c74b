"""The words of the glossary as immutable values; imports nothing of the layers below it."""
