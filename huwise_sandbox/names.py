"""What the inhabitants are called. All of them are invented."""

import unicodedata


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    """
    Adèle Adrien Agathe Agnieszka Aïcha Alba Alexandre Alice Amandine Ambre Amélie
    Amine Ana Anaïs André Anja Anna Antoine Arnaud Arthur Astrid Aurélie Awa Axel
    Bastien Beatriz Benoît Björn Boris Brigitte Bruno Camille Capucine Carla
    Caroline Cédric Céline Charlotte Chiara Chloé Christophe Clara Claude Clémence
    Colette Corentin Dagmar Damien Daria David Delphine Denis Diane Diego Dimitri
    Dorothée Édith Élise Élodie Émile Emma Enzo Éric Esteban Estelle Étienne Eva
    Fabien Fatou Fanny Florian Franck François Frédérique Gabriel Gaëlle Gaspard
    Geneviève Gérard Giulia Grégoire Guillaume Gwenaëlle Hanna Hélène Henri Hugo
    Ilse Inès Ingrid Irène Isabelle Ismaël Ivana Jacques Jeanne Jérôme Joana João
    Joël Jonas Josselin Judith Jules Juliette Karim Katarzyna Kevin Khadija Lars
    Laurence Léa Léon Lila Loïc Lorenzo Louise Lucie Ludovic Maël Magali Maïwenn
    Manon Marc Margaux Marion Martine Mateo Mathilde Maud Maxime Mehdi Mélanie Mia
    Mireille Nadia Nathan Nicolas Nina Noémie Océane Odile Olga Olivier Oscar Pascal
    Patricia Paul Pénélope Petra Philippe Quentin Rachid Raphaël Régine Rémi Rosa
    Sabine Salomé Samuel Sandrine Sara Sébastien Séverine Simon Sofia Solène Sonia
    Stéphane Svenja Sylvie Tanguy Théo Thérèse Thomas Tiago Timéo Ursula Valentin
    Valérie Véronique Victor Vincent Virginie Wassim Xavier Yannick Yasmine Yves Zoé
    """
)

LAST_NAMES = _words(
    """
    Abadie Almeida Andersen Arnoux Aubry Bachelet Barbier Baudouin Becker Bellanger
    Ben-Amar Berthelot Bianchi Blanchet Boissier Bonnefoy Borel Bouchard Boulanger
    Bourgoin Brandt Brossard Cadiou Calvet Camara Caron Carvalho Castel Chabot
    Chambon Charpentier Chauvin Chevallier Claudel Cordier Costa Coulibaly Courtois
    Da-Silva Daguerre Dalmasso Delacroix Delaunay Deschamps Desmarets Diallo
    Dietrich Dumoulin Dupuis Duquesne El-Khoury Engström Esposito Étienne Fabre
    Faure Favier Ferrand Fischer Fontanel Fournel Gaillard Garnier Gauthier Gérin
    Giraudet Gonçalves Granger Grimaud Guérin Guichard Hamel Haas Hansen Hébert
    Hervieu Hoffmann Horvat Imbert Jacquet Jansen Jaouen Joubert Keita Kerbrat
    Kerleau Klein Kovács Kowalski Lacombe Lafitte Lambertz Lantier Larsen Lavigne
    Le-Bihan Le-Goff Leclercq Lefort Lemaire Lévêque Lindqvist Lombard Maillard
    Marchetti Marquet Martel Masson Mercier Meunier Michelet Monteiro Morvan Müller
    N'Diaye Navarro Nguyen Nicolet Novák Obermann Olivier Orsini Ortega Paillard
    Papin Pasquier Pelletier Pereira Perrot Petersen Picard Poirier Poulain Prévost
    Quéré Quintana Ravel Renaudin Ribeiro Richter Rigaud Rolland Romano Rossi
    Roussel Sabatier Salaün Santos Sauvage Schmitt Segura Sénéchal Serrano Sidibé
    Simonet Sorel Stein Svoboda Tanguy Teixeira Thibault Tissier Touré Traoré
    Vaillant Vallet Van-den-Berg Vasseur Verdier Vidal Vigneron Villard Vogel Wagner
    Weber Weiss Winkler Yildiz Zanetti Zeller Zimmermann
    """
)

EMAIL_DOMAINS = {
    "ville.example": 30,
    "agglo.example": 14,
    "region.example": 10,
    "asso.example": 12,
    "univ.example": 8,
    "transport.example": 6,
    "courriel.example": 12,
    "example.org": 8,
}

TOPICS = ("mobilite", "budget", "eau", "dechets", "urbanisme", "energie", "air", "etl")


def ascii_slug(text: str) -> str:
    """Reduce a name to the lower-case letters a username is made of."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed.lower() if c.isascii() and c.isalnum())
